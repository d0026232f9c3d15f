"""Rows of tables by number, of any dtype, and their gradient in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.autograd.halves import with_halves
from facula.dtypes import F32, I64
from facula_native import units
from facula_native.rows import NUMBERS, dense, takes_small

Kernel = Callable[..., Any]


def table_rows(backend: Any, below: Kernel) -> Kernel:
    def own(weight: Any, indices: Any, padding: int, by_frequency: bool) -> Any:
        rows, n = weight.shape
        size = indices.size * n
        fits = (units.is_awake or size >= units.SMALL) and size and weight.flags.c_contiguous
        fits = fits and (indices.dtype is I64 or indices.dtype in NUMBERS)
        run = fits and units.function("embedding", "table_rows", 3, 3)
        if run:
            at = np.ascontiguousarray(indices, I64)
            out = np.empty((*indices.shape, n), weight.dtype)
            if run(id(weight), id(at), id(out), indices.size, rows, n * out.itemsize):
                return out
        return NotImplemented

    def kernel(*args: Any) -> Any:
        out = own(*args)
        return below(*args) if out is NotImplemented else out

    with_halves(backend, "table_rows", own)  # a table is not cast for some of its rows
    return kernel


def table_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, indices: Any, rows: int, padding: int, by_frequency: bool) -> Any:
        fits = takes_small(g) and rows and indices.dtype in NUMBERS
        run = fits and units.function("embedding", "table_gradient", 3, 5)
        if run:
            n = g.shape[-1]
            a, at = dense(g), np.ascontiguousarray(indices, I64)
            out = np.empty((rows, n), F32)
            if run(id(a), id(at), id(out), at.size, rows, n, padding, by_frequency):
                return out
        return below(g, indices, rows, padding, by_frequency)

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "table_rows": table_rows,
    "table_gradient": table_gradient,
}
