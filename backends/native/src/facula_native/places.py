"""Elements and slices read, added and written at indices along a dimension."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import F32, F64, I64
from facula_native import units
from facula_native.copies import copied
from facula_native.rows import Kernel, dense

#: Which of its loops places.c takes.
_KINDS = {F32: 0, F64: 1, I64: 2}


def _takes(x: Any, index: Any, dim: int) -> bool:
    return (
        x.dtype in _KINDS and index.size > 0 and index.dtype is I64 and x.ndim > 0 <= dim < x.ndim
    )


def _run(name: str, values: Any, index: Any, out: Any, whole: Any, dim: int, count: int) -> bool:
    """Calls NAME of places.c; `whole` is the shape of what the indices count. False where it does not take them."""
    run = units.function("places", name, 3, 5)
    if run is None:
        return False
    sizes = prod(whole[:dim]), whole[dim], count, prod(whole[dim + 1 :])
    return bool(run(id(values), id(index), id(out), _KINDS[out.dtype], *sizes))


def _is_large(count: int) -> bool:
    return count >= units.SMALL and count > 0


def gather(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, dim: int, index: Any) -> Any:
        fits = _is_large(index.size) and _takes(input, index, dim)
        if fits and _matches(input.shape, index.shape, dim):
            out, at = np.empty(index.shape, input.dtype), dense(index)
            if _run("gather", dense(input), at, out, input.shape, dim, index.shape[dim]):
                return out
        return below(input, dim, index)

    return kernel


def _matches(shape: Any, of_index: Any, dim: int) -> bool:
    """Whether two shapes are the same but for `dim`."""
    return shape[:dim] == of_index[:dim] and shape[dim + 1 :] == of_index[dim + 1 :]  # type: ignore[no-any-return]


def scatter(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, dim: int, index: Any, src: Any, reduce: str = "assign") -> Any:
        fits = _is_large(index.size) and _takes(input, index, dim) and reduce in ("sum", "assign")
        fits = fits and getattr(src, "dtype", None) is input.dtype and src.shape == index.shape
        if fits and _matches(input.shape, index.shape, dim):
            out, at = copied(input), dense(index)
            if _run(f"scatter_{reduce}", dense(src), at, out, out.shape, dim, index.shape[dim]):
                return out
        return below(input, dim, index, src, reduce)

    return kernel


def index_select(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, dim: int, index: Any) -> Any:
        if _takes(input, index, dim) and index.ndim == 1:
            shape = (*input.shape[:dim], len(index), *input.shape[dim + 1 :])
            if _is_large(prod(shape)):
                out, at = np.empty(shape, input.dtype), dense(index)
                if _run("index_select", dense(input), at, out, input.shape, dim, len(index)):
                    return out
        return below(input, dim, index)

    return kernel


def _written(name: str) -> Callable[[Any, Kernel], Kernel]:
    """The wrapper of an op that writes slices into a copy of its input."""

    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(input: Any, dim: int, index: Any, source: Any) -> Any:
            fits = _is_large(source.size) and _takes(input, index, dim)
            if fits and index.ndim == 1 and source.dtype is input.dtype:
                out, at = copied(input), dense(index)
                if _run(name, dense(source), at, out, out.shape, dim, len(index)):
                    return out
            return below(input, dim, index, source)

        return kernel

    return make


def index_put(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
        first = indices[0] if len(indices) == 1 else None
        if accumulate and first is not None and first.dtype is I64:
            shape = (first.size, *input.shape[1:])
            if _is_large(prod(shape)) and values.shape == first.shape + input.shape[1:]:
                at = backend.wrap_index(first.reshape(-1), len(input), 0)
                return backend.index_add(input, 0, at, values.reshape(shape))
        return below(input, indices, values, accumulate)

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "gather": gather,
    "scatter": scatter,
    "index_select": index_select,
    "index_add": _written("index_add"),
    "index_copy": _written("index_copy"),
    "index_put": index_put,
}
