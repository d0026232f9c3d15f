"""Rows of tables and their gradient, both kernel families, against the NumPy device."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.backends.registry import backend_for
from facula_opencl.kernels import embedding

CPU = backend_for("cpu")


def numbers(rows, *shape):
    return np.random.default_rng(sum(shape)).integers(0, rows, shape)


def values(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("rows", "n", "shape"),
    [(9, 5, (4, 3)), (1, 16, (7,)), (1000, 33, (50, 9)), (3, 200, (300,)), (70, 1, (2, 2, 2)), (5, 7, ())],
)  # fmt: skip
@pytest.mark.parametrize("padding", [-1, 0])
def test_rows_and_gradient(xp, rows, n, shape, padding):
    table, at = values(rows, n), numbers(rows, *shape)
    got = embedding.table_rows(xp, xp.asarray(table), xp.asarray(at), padding, False)
    assert np.array_equal(xp.to_numpy(got), table[at])
    g = values(*shape, n)
    expected = np.asarray(CPU.table_gradient(g, at, rows, padding, False))
    on = xp.asarray(g), xp.asarray(at), rows, padding, False
    first = xp.to_numpy(embedding.table_gradient(xp, *on))
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-5)
    for _ in range(5):
        assert np.array_equal(xp.to_numpy(embedding.table_gradient(xp, *on)), first)


def test_parts_of_arrays(xp):
    table, at = values(40, 12), numbers(10, 60)
    part = xp.slice(xp.slice(xp.asarray(table), 0, 3, 23, 2), 1, 1, 9, 1)
    picked = xp.slice(xp.asarray(at), 0, 5, 60, 3)
    got = embedding.table_rows(xp, part, picked, -1, False)
    assert np.array_equal(xp.to_numpy(got), table[3:23:2, 1:9][at[5::3]])


@pytest.mark.parametrize("number", [-1, 4, 1 << 40])
def test_a_number_that_is_no_row(number):
    table, at = facula.ones(4, 3, device="opencl"), facula.tensor([0, number], device="opencl")
    with pytest.raises(IndexError, match=f"index {number} is out of bounds.*size 4"):
        facula.nn.functional.embedding(at, table).cpu()
    assert facula.nn.functional.embedding(at[:1], table).tolist() == [[1, 1, 1]]


def test_what_these_kernels_do_not_take(xp):
    table, at = xp.asarray(values(4, 3)), xp.asarray(numbers(4, 2))
    assert embedding.table_rows(xp, xp.asarray(np.ones((4, 3))), at, -1, False) is NotImplemented
    short = xp.asarray(numbers(4, 2).astype(np.int32))
    assert embedding.table_rows(xp, table, short, -1, False) is NotImplemented
    assert embedding.table_gradient(xp, xp.asarray(values(2, 3)), at, 4, -1, True) is NotImplemented
