"""Sums, maxima and minima over any dimensions of float32 without gaps in memory, and the places of these along one."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import F32, I64
from facula.ops.dims import wrap_dims
from facula_native import units
from facula_native.rows import takes_small

Kernel = Callable[..., Any]


def _runs(dims: set[int]) -> list[tuple[int, int]]:
    """Neighbouring dimensions as (first, last), from the last."""
    runs: list[tuple[int, int]] = []
    for d in sorted(dims, reverse=True):
        runs[-1:] = [(d, runs[-1][1])] if runs and runs[-1][0] == d + 1 else [*runs[-1:], (d, d)]
    return runs


def _reduced(run: Any, x: Any, dims: set[int]) -> Any:
    for first, last in _runs(dims):
        lead, tail = x.shape[:first], x.shape[last + 1 :]
        out = np.empty(lead + tail, F32)
        run(id(x), id(out), prod(lead), prod(x.shape[first : last + 1]), prod(tail))
        x = out
    return x


def _reduction(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(input: Any, dim: Any = None, keepdim: bool = False, *dtype: Any) -> Any:
            fits = takes_small(input) and input.ndim and input.flags.c_contiguous
            fits = fits and (not dtype or dtype[0] is None or dtype[0] is F32)
            run = fits and units.function("reduce", name, 2, 3)
            if not run:
                return below(input, dim, keepdim, *dtype)
            dims = set(wrap_dims(None if dim == () else dim, input.ndim))
            out = _reduced(run, input, dims)
            if keepdim:
                out = out.reshape([1 if d in dims else n for d, n in enumerate(input.shape)])
            return out

        return kernel

    return make


def _place(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
            fits = takes_small(input) and input.ndim and input.flags.c_contiguous
            run = fits and units.function("reduce", name, 2, 3)
            if not run:
                return below(input, dim, keepdim)
            dims = set(wrap_dims(dim, input.ndim))
            first, last = min(dims), max(dims)
            shape = input.shape
            lead, tail = shape[:first], shape[last + 1 :]
            kept = (*lead, *[1] * len(dims), *tail) if keepdim else lead + tail
            out = np.empty(kept, I64)
            if run(id(input), id(out), prod(lead), prod(shape[first : last + 1]), prod(tail)):
                return out
            return below(input, dim, keepdim)

        return kernel

    return make


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    **{name: _reduction(name) for name in ("sum", "amax", "amin")},
    **{name: _place(name) for name in ("argmax", "argmin")},
}
