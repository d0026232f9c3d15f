"""Views of CuPy arrays: core's (`backends/array/views.py`), and those that NumPy must not be asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _restrided(m: Any, x: Any, shape: Any, strides: Any, offset: int = 0) -> Any:
    """A view with other sizes and strides (bytes), `offset` bytes from the first element of `x`."""
    if offset:  # CuPy's as_strided cannot start elsewhere; `base` still tells that it is a view
        start = m.ndarray((1,) * x.ndim, x.dtype, memptr=x.data + offset)
        x = start.view()
    return m.lib.stride_tricks.as_strided(x, tuple(shape), tuple(strides))


def kernels(m: Any) -> dict[str, Callable[..., Any]]:
    """The views by op name; `m` is the array module."""

    def expand(x: Any, size: tuple[int, ...]) -> Any:
        lead = len(size) - x.ndim
        strides = [0] * lead
        for n, wanted, s in zip(x.shape, size[max(lead, 0) :], x.strides):
            if n not in (wanted, 1):
                raise RuntimeError(f"expand: shape {x.shape} cannot be broadcast to {tuple(size)}")
            strides.append(s if n == wanted else 0)
        return _restrided(m, x, size, strides)

    def unfold(x: Any, dimension: int, size: int, step: int) -> Any:
        count = (x.shape[dimension] - size) // step + 1
        shape = (*x.shape[:dimension], count, *x.shape[dimension + 1 :], size)
        s = x.strides
        strides = (*s[:dimension], s[dimension] * step, *s[dimension + 1 :], s[dimension])
        return _restrided(m, x, shape, strides)

    def as_strided(x: Any, size: Any, stride: Any, storage_offset: int = 0) -> Any:
        strides = [s * x.itemsize for s in stride]
        return _restrided(m, x, size, strides, storage_offset * x.itemsize)

    def diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
        return x.diagonal(offset, dim1, dim2)

    return {"expand": expand, "unfold": unfold, "as_strided": as_strided, "diagonal": diagonal}


def write(target: Any, source: Any) -> None:
    """Stores `source` (broadcast) in `target`; they may overlap."""
    if hasattr(source, "dtype"):
        if source.dtype.kind == "c" and target.dtype.kind != "c":
            source = source.real
        if source.data.mem is target.data.mem:
            source = source.copy()
    target[...] = source
