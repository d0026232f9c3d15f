"""Products of bfloat16 matrices with float32 sums, by oneDNN and as float32: every layout, special values."""

import ctypes

import numpy as np
import pytest

import facula
from facula.graph.runtime import shared_library

pytestmark = pytest.mark.usefixtures("is_native")
BF16 = facula.bfloat16.dtype
random = np.random.default_rng(5)


def drawn(*shape):
    return random.normal(size=shape).astype(BF16)


def product(a, b):
    out = np.full(
        (a.shape[0], b.shape[1] + 3), 7, np.float32
    )  # rows further apart than they are long
    steps = [ctypes.c_long(s // 2) for s in (*a.strides, *b.strides)]
    sizes = [ctypes.c_long(n) for n in (*a.shape, b.shape[1])]
    pointers = [ctypes.c_void_p(x.__array_interface__["data"][0]) for x in (a, b, out)]
    m, depth, n = sizes
    assert shared_library().gemm_bf16(m, n, depth, pointers[0], *steps[:2], pointers[1], *steps[2:], pointers[2], ctypes.c_long(out.shape[1]))  # fmt: skip
    assert (out[:, b.shape[1] :] == 7).all()
    return out[:, : b.shape[1]]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (drawn(33, 70), drawn(70, 50)),
        (drawn(70, 33).T, drawn(50, 70).T),
        (drawn(1, 200), drawn(200, 90)),
        (drawn(90, 200), drawn(200, 1)),
        (drawn(300, 5), drawn(5, 270)),
        (drawn(9, 2100), drawn(2100, 20)),
        (drawn(40, 140)[:, ::2], drawn(70, 30)[::-1]),
        (np.broadcast_to(drawn(1, 70), (12, 70)), drawn(70, 8)),
        (drawn(4, 0), drawn(0, 6)),
    ],
    ids=lambda x: f"{x.shape}{x.strides}",
)
def test_sums_are_float32(a, b):
    """Factors are exact, so an error is that of `depth` additions, each of at most 2**-24 of the terms' sizes so far."""
    exact = a.astype(np.float64) @ b.astype(np.float64)
    sizes = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    assert (np.abs(product(a, b) - exact) <= a.shape[1] * 2.0**-24 * sizes + 1e-30).all()


def test_special_values():
    a, b = drawn(20, 40), drawn(40, 30)
    a[3, 5], a[7, 0] = np.nan, np.inf
    out = product(a, b)
    assert np.isnan(out[3]).all() and not np.isfinite(out[7]).any()
    assert np.isfinite(np.delete(out, [3, 7], 0)).all()
