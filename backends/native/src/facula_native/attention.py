"""Dot-product attention, heads and blocks of queries on all threads; its table of weights is made only where it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import B8, F32
from facula.ops.dot_attention import check_shapes
from facula_native import units
from facula_native.rows import address, dense, takes_small

Kernel = Callable[..., Any]


def _is_plain(mask: Any) -> bool:
    return mask.dtype is B8 or (mask.dtype is F32 and not any([s % 4 for s in mask.strides]))


def _fits(table: Any, mask: Any, *arrays: Any) -> bool:
    """Whether these are heads of one number, of up to two dimensions, and a mask for their table."""
    lead, ndim = table[:-2], len(table)
    if not 2 <= ndim <= 4 or 0 in table or (mask is not None and not _is_plain(mask)):
        return False
    if table[-2:] != (arrays[0].shape[-2], arrays[1].shape[-2]):  # the mask has more
        return False
    for x in arrays:
        if x.dtype is not F32 or x.ndim != ndim or x.shape[:-2] != lead or not x.size:
            return False
        if any([s % 4 for s in x.strides]):
            return False
    return True


def _attended(query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float, keeps_weights: bool) -> Any:  # fmt: skip
    """The output, and logsumexp or weights; None where it is not ours to do."""
    if not takes_small(query):
        return None
    table = check_shapes(query, key, value, mask)
    run = _fits(table, mask, query, key, value) and units.function(
        "attention", "attention", 7, 2, 1
    )
    if not run:
        return None
    is_bool = mask is not None and mask.dtype is B8
    out = np.empty((*table[:-1], value.shape[-1]), F32)
    more = np.empty(table if keeps_weights else (*table[:-1], 1), F32)
    wanted = (0, id(more)) if keeps_weights else (id(more), 0)
    arrays = id(query), id(key), id(value), address(mask), id(out), *wanted
    return (out, more) if run(*arrays, is_bool, is_causal, scale) else None


def _forward(keeps_weights: bool) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(
            query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float
        ) -> Any:
            found = _attended(query, key, value, mask, is_causal, scale, keeps_weights)
            return below(query, key, value, mask, is_causal, scale) if found is None else found

        return kernel

    return make


def dot_attention_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(
        g: Any, to_logsumexp: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any,
        is_causal: bool, scale: float, needs: Any,
    ) -> Any:  # fmt: skip
        run = None
        if takes_small(query) and not needs[3]:
            table = check_shapes(query, key, value, mask)
            if _fits(table, mask, query, key, value, g, output):
                run = units.function("attention", "attention_gradient", 11, 2, 1)
        if run:
            out = [np.empty(x.shape, F32) if need else None for x, need in zip((query, key, value), needs)]  # fmt: skip
            is_bool = mask is not None and mask.dtype is B8
            arrays = g, dense(to_logsumexp), query, key, value, mask, output, dense(logsumexp), *out
            if run(*map(address, arrays), is_bool, is_causal, scale):
                return *out, None
        options = is_causal, scale, needs
        return below(g, to_logsumexp, query, key, value, mask, output, logsumexp, *options)

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "dot_attention": _forward(False),
    "weighted_attention": _forward(True),
    "dot_attention_gradient": dot_attention_gradient,
}
