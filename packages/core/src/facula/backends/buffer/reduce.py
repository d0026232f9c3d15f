"""Reductions over dimensions as `Reduce` kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import copy_into
from facula.backends.buffer.kernels import ArgReduce, Reduce
from facula.dtypes import FROM_NUMPY, I64
from facula.ops.dims import reduced_shape, wrap_dims


def fold(
    xp: Any, combine: str, initial: Any, input: BufferArray, dim: Any, keepdim: bool, dtype: Any
) -> BufferArray:
    """`input` folded over `dim` (None or empty: all) in `dtype`."""
    return _launch(
        xp, Reduce(combine, initial, input.dtype, np.dtype(dtype)), input, dim, keepdim, dtype
    )


def _launch(
    xp: Any, kernel: Any, input: BufferArray, dim: Any, keepdim: bool, dtype: Any
) -> BufferArray:
    dims = wrap_dims(dim, len(input.shape))
    kept = tuple(d for d in range(len(input.shape)) if d not in dims)
    out = xp.empty(tuple(input.shape[d] for d in kept), dtype)
    if out.size and not input.size:
        if getattr(kernel, "initial", None) is None:
            raise IndexError(
                f"a reduction without identity over an empty dimension (input shape {input.shape})"
            )
        copy_into(xp, out, kernel.initial)
    elif out.size:
        reduced = tuple(input.shape[d] for d in dims)
        xp.launch(kernel, out.shape, reduced, out.operand(), input.operand(kept + dims))
    shape = reduced_shape(input.shape, dim, keepdim)
    result: BufferArray = out.view(shape, None, 0)
    result.is_whole = True
    return result


def sum(
    xp: Any, input: BufferArray, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> BufferArray:
    if dtype is None:
        dtype = I64 if FROM_NUMPY[input.dtype].category < 2 else input.dtype
    return fold(xp, "a + b", 0, input, dim, keepdim, dtype)


def amax(xp: Any, input: BufferArray, dim: Any = (), keepdim: bool = False) -> BufferArray:
    return fold(xp, "maximum(a, b)", None, input, dim, keepdim, input.dtype)


def amin(xp: Any, input: BufferArray, dim: Any = (), keepdim: bool = False) -> BufferArray:
    return fold(xp, "minimum(a, b)", None, input, dim, keepdim, input.dtype)


def prod(
    xp: Any, input: BufferArray, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> BufferArray:
    if dtype is None:
        dtype = I64 if FROM_NUMPY[input.dtype].category < 2 else input.dtype
    return fold(xp, "a * b", 1, input, dim, keepdim, dtype)


def _position(xp: Any, better: str, input: BufferArray, dim: Any, keepdim: bool) -> BufferArray:
    """Where along `dim` the best element is, the first of equal ones; NaN is better than any number."""
    kernel = ArgReduce(f"({better}) | ((a != a) & (b == b))", input.dtype, I64)
    return _launch(xp, kernel, input, dim, keepdim, I64)


def argmax(xp: Any, input: BufferArray, dim: Any = None, keepdim: bool = False) -> BufferArray:
    return _position(xp, "a > b", input, dim, keepdim)


def argmin(xp: Any, input: BufferArray, dim: Any = None, keepdim: bool = False) -> BufferArray:
    return _position(xp, "a < b", input, dim, keepdim)


LEAVES = {"sum": sum, "prod": prod, "amax": amax, "amin": amin, "argmax": argmax, "argmin": argmin}
