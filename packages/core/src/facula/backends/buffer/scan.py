"""Running reductions along one dimension as `Scan` kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import map_arrays
from facula.backends.buffer.kernels import Scan
from facula.dtypes import B8, FROM_NUMPY, I64


def scan(xp: Any, combine: str, input: BufferArray, dim: int, dtype: Any) -> BufferArray:
    """The results of folding ever more of `input` along `dim`, in `dtype`."""
    out = xp.empty(input.shape, np.dtype(dtype))
    if not input.shape:
        return xp.cast(input, out.dtype)  # type: ignore[no-any-return]
    if out.size:
        order = moved_last(dim, len(input.shape))
        shape = tuple(input.shape[d] for d in order)
        xp.launch(
            Scan(combine, input.dtype, out.dtype), shape, out.operand(order), input.operand(order)
        )
    return out  # type: ignore[no-any-return]


def moved_last(dim: int, ndim: int) -> tuple[int, ...]:
    """All dimensions, `dim` last."""
    return (*[d for d in range(ndim) if d != dim % ndim], dim % ndim)


def _wide(input: BufferArray, dtype: Any) -> Any:
    return dtype or (I64 if FROM_NUMPY[input.dtype].category < 2 else input.dtype)


def cumsum(xp: Any, input: BufferArray, dim: int, dtype: Any = None) -> BufferArray:
    return scan(xp, "a + b", input, dim, _wide(input, dtype))


def cumprod(xp: Any, input: BufferArray, dim: int, dtype: Any = None) -> BufferArray:
    return scan(xp, "a * b", input, dim, _wide(input, dtype))


def _running(
    xp: Any, extremum: str, input: BufferArray, dim: int
) -> tuple[BufferArray, BufferArray]:
    """Running extrema, and where each of them was last met: a running maximum of positions."""
    values = scan(xp, extremum, input, dim, input.dtype)
    if not input.shape:
        return values, xp.full((), 0, I64)
    after = len(input.shape) - dim % len(input.shape) - 1
    place = xp.view(xp.sequence(0, 1, input.shape[dim], I64), (input.shape[dim], *(1,) * after))
    met = map_arrays(xp, "(a == b) | (a != a)", (input, values), input.dtype, B8)
    return values, scan(
        xp, "maximum(a, b)", map_arrays(xp, "where(a, b, 0)", (met, place), I64, I64), dim, I64
    )


def cummax(xp: Any, input: BufferArray, dim: int) -> tuple[BufferArray, BufferArray]:
    return _running(xp, "maximum(a, b)", input, dim)


def cummin(xp: Any, input: BufferArray, dim: int) -> tuple[BufferArray, BufferArray]:
    return _running(xp, "minimum(a, b)", input, dim)


LEAVES = {"cumsum": cumsum, "cumprod": cumprod, "cummax": cummax, "cummin": cummin}
