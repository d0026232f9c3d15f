"""Copies and casts of large arrays, in parts on all threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.dtypes import F32, F64
from facula_native import halves, units
from facula_native.elementwise import own, threaded
from facula_native.rows import Kernel

#: Loops of casts.c by the dtypes that they read and write.
_CASTS = {
    (np.dtype(a), np.dtype(b)): f"{a}_{b}"
    for a, b in (
        ("float32", "float64"), ("float64", "float32"), ("int64", "float32"), ("int64", "float64"), ("int32", "float32"),
        ("uint8", "float32"), ("bool", "float32"),
    )
}  # fmt: skip


def copied(x: Any) -> Any:
    """A copy without gaps in memory: on all threads where `x` has none and is floating-point."""
    is_dense = x.ndim and x.size and x.flags.c_contiguous
    if x.size < units.SMALL or x.dtype not in (F32, F64) or not is_dense:
        return x.copy(order="C")
    return threaded(np.positive)(x)


def clone(backend: Any, below: Kernel) -> Kernel:
    return copied


def cast(backend: Any, below: Kernel) -> Kernel:
    below = halves.cast(backend, below)

    def kernel(input: Any, dtype: Any) -> Any:
        if input.size >= units.SMALL and input.ndim:
            name = _CASTS.get((input.dtype, dtype))
            ufunc = name and own("casts", name, input.dtype.char + dtype.char, 1)
            if ufunc:
                return ufunc(input)
        return below(input, dtype)

    return kernel


WRAPPERS = {"clone": clone, "cast": cast}
