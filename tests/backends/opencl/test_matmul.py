"""Matrix products of both kernel families against NumPy's."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import matmul, tile

SIZES = [1, 3, 17, 70]
DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]
TOLERANCE = {DTYPES[0]: 1e-5, DTYPES[1]: 1e-13}


def values(*shape: int, dtype: Any = DTYPES[0]) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def check(out: Any, expected: Any, xp: Any, k: int) -> None:
    got = xp.to_numpy(out)
    assert got.shape == expected.shape and got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[got.dtype] * (1 + k**0.5))


@pytest.mark.parametrize("m,n", list(product(SIZES, SIZES)))
def test_sizes(xp: Any, m: int, n: int) -> None:
    for k in (1, 3, 17, 300):
        a, b = values(m, k), values(k, n)
        check(matmul.matrix_product(xp, xp.asarray(a), xp.asarray(b)), a @ b, xp, k)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("m,k,n", [(33, 40, 70), (7, 300, 7), (4, 20, 90), (90, 20, 4)])
def test_transposed(xp: Any, dtype: Any, m: int, k: int, n: int) -> None:
    a, b = values(m, k, dtype=dtype), values(k, n, dtype=dtype)
    for left, right in product((False, True), repeat=2):
        x = xp.transpose(xp.asarray(a.T.copy()), 0, 1) if left else xp.asarray(a)
        y = xp.transpose(xp.asarray(b.T.copy()), 0, 1) if right else xp.asarray(b)
        check(matmul.matrix_product(xp, x, y), a @ b, xp, k)


def test_views_with_steps_offsets_and_repeats(xp: Any) -> None:
    a, b = values(40, 60), values(60, 50)
    x, y = xp.asarray(a), xp.asarray(b)
    part = xp.slice(xp.slice(x, 0, 3, 33, 2), 1, 5, 59, 3)
    other = xp.slice(xp.slice(y, 0, 2, 38, 2), 1, 1, 48, 3)
    check(matmul.matrix_product(xp, part, other), a[3:33:2, 5:59:3] @ b[2:38:2, 1:48:3], xp, 18)
    row = xp.expand(xp.slice(x, 0, 1, 2, 1), (20, 60))
    check(matmul.matrix_product(xp, row, y), np.repeat(a[1:2], 20, 0) @ b, xp, 60)


BATCHES = [
    ((3, 5, 7), (3, 7, 9)),
    ((2, 3, 5, 7), (2, 3, 7, 9)),
    ((2, 1, 5, 7), (3, 7, 9)),
    ((4, 5, 7), (7, 9)),
    ((5, 7), (2, 7, 9)),
    ((2, 1, 3, 5, 7), (4, 1, 7, 9)),
    ((2, 3, 64, 16), (2, 3, 16, 64)),
]


@pytest.mark.parametrize("left,right", BATCHES)
def test_batches(xp: Any, left: Any, right: Any) -> None:
    a, b = values(*left), values(*right)
    check(matmul.matrix_product(xp, xp.asarray(a), xp.asarray(b)), a @ b, xp, left[-1])


def test_heads_of_attention_are_views(xp: Any) -> None:
    a = values(2, 10, 3, 8)  # (batch, time, heads, features)
    heads = xp.permute(xp.asarray(a), (0, 2, 1, 3))
    scores = matmul.matrix_product(xp, heads, xp.transpose(heads, -2, -1))
    moved = a.transpose(0, 2, 1, 3)
    check(scores, moved @ moved.swapaxes(2, 3), xp, 8)


@pytest.mark.parametrize("rows", [(1,), (3,), (40,), (2, 5)])
@pytest.mark.parametrize("features,out", [(7, 3), (20, 100), (300, 17)])
def test_linear(xp: Any, rows: Any, features: int, out: int) -> None:
    x, w, b = values(*rows, features), values(out, features), values(out)
    device = [xp.asarray(t) for t in (x, w, b)]
    check(matmul.linear(xp, *device), x @ w.T + b, xp, features)
    check(matmul.linear(xp, *device[:2]), x @ w.T, xp, features)


def test_what_it_leaves_to_others(xp: Any) -> None:
    empty, some = xp.asarray(values(0, 3)), xp.asarray(values(3, 2))
    assert matmul.matrix_product(xp, empty, some) is NotImplemented
    integers = xp.asarray(np.ones((2, 2), np.int64))
    assert matmul.matrix_product(xp, integers, integers) is NotImplemented


def test_infinity_and_nan_stay_in_their_rows_and_columns(xp: Any) -> None:
    a, b = values(9, 5), values(5, 70)
    a[2, 1], b[3, 69] = np.inf, np.nan
    out = xp.to_numpy(matmul.matrix_product(xp, xp.asarray(a), xp.asarray(b)))
    clean = np.ones((9, 70), bool)
    clean[2], clean[:, 69] = False, False
    assert np.isfinite(out[clean]).all() and np.isnan(out[:, 69]).all()
    assert not np.isfinite(out[2]).any()


def test_a_processor_with_few_registers(monkeypatch: Any) -> None:
    monkeypatch.setattr(tile, "has_wide_registers", lambda xp: False)
    xp = backend_for("opencl")
    monkeypatch.setattr(xp, "is_cpu", True)
    for m, k, n in ((3, 5, 40), (40, 300, 17), (1, 9, 33)):
        a, b = values(m, k), values(k, n)
        check(matmul.matrix_product(xp, xp.asarray(a), xp.asarray(b)), a @ b, xp, k)
