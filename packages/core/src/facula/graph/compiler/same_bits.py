"""Whether a matrix product has the same bits wherever it is cut: libraries choose ways to multiply by its size."""

from __future__ import annotations

import ctypes
from functools import cache
from itertools import pairwise

import numpy as np

from facula.graph.compiler.nests import MatmulNest
from facula.graph.compiler.shares import GRAINS, cuts
from facula.graph.runtime import gemm_address

#: Multiplications from which on a product is large in all parts, so that there is one way only.
LARGE = 1 << 30
_L, _P = ctypes.c_long, ctypes.c_void_p


def has_same_bits(nest: MatmulNest, d: int, threads: int) -> bool:
    """Whether rows (`d` 0) or columns (1) of a product may be shared out anew at each run."""
    *batch, m, n = nest.shape
    if nest.a.element.is_half:
        return False
    if nest.store.element.value != "f32" or m * n * nest.depth >= LARGE:
        return True
    strides = *nest.a.strides[len(batch) :], *nest.b.strides[len(batch) :]
    return not (m, n)[d] % GRAINS and _has_same_bits(m, n, nest.depth, strides, d, threads)


@cache
def _has_same_bits(m: int, n: int, depth: int, strides: tuple[int, int, int, int], d: int, threads: int) -> bool:  # fmt: skip
    """Tried with all cuts at their first, lowest and highest places."""
    gemm = ctypes.CFUNCTYPE(ctypes.c_int, _L, _L, _L, _P, _L, _L, _P, _L, _L, _P, _L)(
        gemm_address()
    )
    ai, ak, bk, bj = strides
    draw = np.random.default_rng(0)
    a = draw.standard_normal((m - 1) * ai + (depth - 1) * ak + 1).astype(np.float32)
    b = draw.standard_normal((depth - 1) * bk + (n - 1) * bj + 1).astype(np.float32)
    grain = (m, n)[d] // GRAINS
    found = set()
    for places in zip(*cuts(threads)):
        c = np.empty((m, n), np.float32)
        for low, high in pairwise(places):
            top, left = (low * grain, 0) if d == 0 else (0, low * grain)
            rows, columns = ((high - low) * grain, n) if d == 0 else (m, (high - low) * grain)
            pa, pb, pc = a.ctypes.data + 4 * top * ai, b.ctypes.data + 4 * left * bj, c.ctypes.data
            gemm(rows, columns, depth, pa, ai, ak, pb, bk, bj, pc + 4 * (top * n + left), n)
        found.add(c.tobytes())
    return len(found) == 1
