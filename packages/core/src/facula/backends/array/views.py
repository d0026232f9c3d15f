"""Views in NumPy's terms. Meta, buffer and trace run them too, on arrays that have strides but no memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided


def view(x: Any, size: tuple[int, ...]) -> Any:
    # The same array where nothing changes: a view of it would no longer own its memory.
    return x if x.shape == size else x.reshape(size)


def expand(x: Any, size: tuple[int, ...]) -> Any:
    lead = len(size) - x.ndim
    strides = [0] * lead
    for n, m, s in zip(x.shape, size[max(lead, 0) :], x.strides):
        if n != m and n != 1:  # a wrong shape would read memory of others
            raise RuntimeError(f"expand: shape {x.shape} cannot be broadcast to {tuple(size)}")
        strides.append(s if n == m else 0)
    return as_strided(x, size, strides)


def permute(x: Any, dims: tuple[int, ...]) -> Any:
    return x.transpose(dims)


def slice_(x: Any, dim: int, start: int, stop: int, step: int) -> Any:
    return x[(slice(None),) * dim + (slice(start, stop, step),)]


def select(x: Any, dim: int, index: int) -> Any:
    return x[(slice(None),) * dim + (index, ...)]


def diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = x.diagonal(offset, dim1, dim2)
    if isinstance(out, np.ndarray) and x.flags.writeable:
        out.flags.writeable = True  # NumPy marks diagonals read-only; ours are views like any other
    return out


def unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    count = (x.shape[dimension] - size) // step + 1
    shape = (*x.shape[:dimension], count, *x.shape[dimension + 1 :], size)
    s = x.strides
    return as_strided(
        x, shape, (*s[:dimension], s[dimension] * step, *s[dimension + 1 :], s[dimension])
    )


def as_strided_(
    x: Any, size: tuple[int, ...], stride: tuple[int, ...], storage_offset: int = 0
) -> Any:
    if storage_offset or 0 in x.shape:
        start = x.__array_interface__["data"][0] + storage_offset * x.itemsize
        x = as_strided(x, (1,) * max(x.ndim, 1), (0,) * max(x.ndim, 1))
        return _moved(x, start, size, stride)
    return as_strided(x, size, [s * x.itemsize for s in stride])


def _moved(x: Any, start: int, size: Any, stride: Any) -> Any:
    """A view that begins at another address of the memory that `x` lies in."""
    interface = dict(x.__array_interface__, data=(start, False), shape=tuple(size))
    interface["strides"] = tuple(s * x.itemsize for s in stride)
    holder = type("Memory", (), {"__array_interface__": interface, "base": x})()
    return np.asarray(holder).view(x.dtype)


VIEWS: dict[str, Callable[..., Any]] = {
    "view": view, "expand": expand, "permute": permute, "slice": slice_, "select": select,
    "diagonal": diagonal, "unfold": unfold, "as_strided": as_strided_,
}  # fmt: skip


def strided_view(
    name: str, shape: Any, strides: Any, dtype: Any, *options: Any
) -> tuple[Any, Any, int]:
    """(shape, strides, offset) of a view, in elements, worked out on an array without memory."""
    size = dtype.itemsize
    stand_in = as_strided(np.empty(1, dtype), shape, [s * size for s in strides])
    out = VIEWS[name](stand_in, *options)
    start = out.__array_interface__["data"][0] - stand_in.__array_interface__["data"][0]
    step = out.dtype.itemsize
    return out.shape, tuple(s // step for s in out.strides), start // step
