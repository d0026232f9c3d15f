"""Random masks over spectrograms. Source: Park et al. 2019, "SpecAugment"."""

from __future__ import annotations

from typing import Any

import facula


def mask_along_axis(
    specgram: Any, mask_param: int, mask_value: float | Any, axis: int, p: float = 1.0
) -> Any:
    """Sets up to `mask_param` neighbours along an axis to `mask_value`, the same for all of a batch.

    `axis` is one of the last two dimensions: frequency or time. At most a share of `p` is masked.
    """
    return _masked(specgram, mask_param, mask_value, axis, p, ())


def mask_along_axis_iid(
    specgrams: Any, mask_param: int, mask_value: float | Any, axis: int, p: float = 1.0
) -> Any:
    """`mask_along_axis` with a mask of its own for each example and channel of (..., frequencies, frames)."""
    if specgrams.ndim < 3:
        raise ValueError(
            f"mask_along_axis_iid: expected at least 3 dimensions, (channels, frequencies, frames), "
            f"but got shape {tuple(specgrams.shape)}"
        )
    return _masked(specgrams, mask_param, mask_value, axis, p, tuple(specgrams.shape[:-2]))


def _masked(
    x: Any, mask_param: int, mask_value: Any, axis: int, p: float, draws: tuple[int, ...]
) -> Any:
    axis = axis + x.ndim if axis < 0 else axis
    if axis not in (x.ndim - 2, x.ndim - 1):
        raise ValueError(
            f"expected axis to be frequency ({x.ndim - 2}) or time ({x.ndim - 1}) of shape {tuple(x.shape)}, but got {axis}"
        )
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"expected p to lie within 0 and 1, but got {p}")
    size = x.shape[axis]
    mask_param = min(mask_param, int(size * p)) if p < 1.0 else mask_param
    if mask_param < 1:
        return x
    length = facula.rand(*draws, 1, device=x.device) * mask_param
    start = (facula.rand(*draws, 1, device=x.device) * (size - length)).to(facula.int64)
    places = facula.arange(size, device=x.device)
    mask = (places >= start) & (places < start + length.to(facula.int64))
    return x.masked_fill(mask.unsqueeze(-1 if axis == x.ndim - 2 else -2), mask_value)
