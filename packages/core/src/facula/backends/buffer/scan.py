"""Running reductions along one dimension as `Scan` kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import Scan
from facula.dtypes import FROM_NUMPY, I64


def scan(xp: Any, combine: str, input: BufferArray, dim: int, dtype: Any) -> BufferArray:
    """The results of folding ever more of `input` along `dim`, in `dtype`."""
    out = xp.empty(input.shape, np.dtype(dtype))
    if not input.shape:
        return xp.cast(input, out.dtype)  # type: ignore[no-any-return]
    if out.size:
        order = moved_last(dim, len(input.shape))
        shape = tuple(input.shape[d] for d in order)
        xp.launch(Scan(combine, input.dtype, out.dtype), shape, out.operand(order), input.operand(order))
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


LEAVES = {"cumsum": cumsum, "cumprod": cumprod}
