"""Whether a matrix product has the same bits wherever it is cut: libraries choose ways to multiply by its size."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from facula.graph.compiler.nests import MatmulNest
from facula.graph.compiler.shares import Share
from facula.graph.runtime import gemm_address, gemm_name

#: Multiplications from which on a product is large in all parts, so that there is one way only.
LARGE = 1 << 30
#: Rows of a part, up to which the way changes to and fro with their number (`are_few` of gemm.c; with OpenBLAS, whose kernels
#: for what is left over add up in another order, of any number), and of a product of which each place is tried.
FEW, EACH_PLACE = 32, 256
_L, _P = ctypes.c_long, ctypes.c_void_p


def has_same_bits(nest: MatmulNest, d: int, share: Share) -> bool:
    """Whether rows (`d` 0) or columns (1) of a product may be shared out anew at each run, as `share` says."""
    *batch, m, n = nest.shape
    if nest.a.element.is_half:
        return False
    if nest.store.element.value != "f32":
        return True
    is_large = m * n * nest.depth >= LARGE
    every = _tried(share)
    if gemm_name() == "openblas" or (d == 0 and _shortest(every) <= FEW):
        if is_large or (m, n)[d] > EACH_PLACE or len(share.bounds) > 3:  # too many sizes to try
            return False
        every = share.every()
    elif is_large:
        return True
    strides = *nest.a.strides[len(batch) :], *nest.b.strides[len(batch) :]
    return _has_same_bits(m, n, nest.depth, strides, d, every)


def _shortest(every: Sequence[tuple[int, ...]]) -> int:
    """The smallest of all parts."""
    return min(high - low for bounds in every for low, high in pairwise(bounds))


def _tried(share: Share) -> tuple[tuple[int, ...], ...]:
    """Bounds among which each part is as small and as large as it can be."""
    low, high = share.extremes()
    mixed = [tuple(pair[(i + k) % 2] for i, pair in enumerate(zip(low, high))) for k in (0, 1)]
    return tuple(dict.fromkeys((share.bounds, low, high, *mixed)))


@cache
def _has_same_bits(m: int, n: int, depth: int, strides: tuple[int, int, int, int], d: int, every: tuple[tuple[int, ...], ...]) -> bool:  # fmt: skip
    """Tried with each of the bounds."""
    gemm = ctypes.CFUNCTYPE(ctypes.c_int, _L, _L, _L, _P, _L, _L, _P, _L, _L, _P, _L)(
        gemm_address()
    )
    ai, ak, bk, bj = strides
    draw = np.random.default_rng(0)
    a = draw.standard_normal((m - 1) * ai + (depth - 1) * ak + 1, np.float32)
    b = draw.standard_normal((depth - 1) * bk + (n - 1) * bj + 1, np.float32)
    first = None
    for bounds in every:
        c = np.empty((m, n), np.float32)
        for low, high in pairwise(bounds):
            top, left = (low, 0) if d == 0 else (0, low)
            rows, columns = (high - low, n) if d == 0 else (m, high - low)
            pa, pb, pc = a.ctypes.data + 4 * top * ai, b.ctypes.data + 4 * left * bj, c.ctypes.data
            gemm(rows, columns, depth, pa, ai, ak, pb, bk, bj, pc + 4 * (top * n + left), n)
        first = c if first is None else first
        if not np.array_equal(c, first):
            return False
    return True
