"""Samples into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def default_collate(batch: list[Any]) -> Any:
    """Joins samples: tensors, arrays and numbers are stacked, containers joined field by field.

    Strings and bytes stay lists. Raises TypeError for a type it doesn't know, and RuntimeError where
    samples have different shapes or lengths.
    """
    import facula

    first = batch[0]
    if isinstance(first, facula.Tensor):
        shapes = {tuple(t.shape) for t in batch}
        if len(shapes) > 1:
            raise RuntimeError(
                f"the samples of a batch have different shapes: {sorted(shapes)}; pad them, or give a collate_fn"
            )
        return facula.stack(batch, 0)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "SUO":
            raise TypeError(
                f"default_collate: arrays of dtype {first.dtype} can't be made a tensor"
            )
        return default_collate([facula.as_tensor(a) for a in batch])
    if isinstance(first, np.generic):
        return facula.tensor(np.stack(batch))
    if isinstance(first, bool | int):
        return facula.tensor(batch)
    if isinstance(first, float):
        return facula.tensor(batch, dtype=facula.float64)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return type(first)({key: default_collate([d[key] for d in batch]) for key in first})  # type: ignore[call-arg]
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(list(part)) for part in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(list(part)) for part in zip(*batch)]
        return parts if isinstance(first, tuple | list) else type(first)(parts)  # type: ignore[call-arg]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}; "
        f"give a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """NumPy arrays in a sample as tensors; all else as it is. Used where there are no batches."""
    import facula

    if isinstance(data, np.ndarray) and data.dtype.kind not in "SUO":
        return facula.as_tensor(data)
    if isinstance(data, np.generic) and data.dtype.kind not in "SUO":
        return facula.tensor(data)
    if isinstance(data, Mapping):
        return type(data)({key: default_convert(value) for key, value in data.items()})  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple | list):
        return [default_convert(value) for value in data]
    return data
