"""Sorting, searching, distinct values, quantiles."""

from __future__ import annotations

import numpy as np
import pytest

import facula


def test_equal_elements_keep_their_order_both_ways():
    x = facula.tensor([2, 1, 2, 1])
    assert x.sort(stable=True).indices.tolist() == [1, 3, 0, 2]
    assert x.sort(descending=True, stable=True).indices.tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [0, 1, 5, 100])
def test_topk_equals_a_sort(k, largest):
    values = np.random.default_rng(0).permutation(100).astype(np.float32)
    got = facula.tensor(values).topk(k, largest=largest)
    order = np.argsort(-values if largest else values)[:k]
    np.testing.assert_array_equal(got.indices.numpy(), order)
    np.testing.assert_array_equal(got.values.numpy(), values[order])


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_equal_numpys(method):
    values = np.random.default_rng(0).random((4, 7))
    q = np.array([0.0, 0.3, 0.5, 1.0])
    got = facula.tensor(values).quantile(facula.tensor(q), 1, interpolation=method)
    np.testing.assert_allclose(got.numpy(), np.quantile(values, q, axis=1, method=method))


def test_unique_gives_values_places_and_counts():
    x = facula.tensor([[3, 1], [3, 2]])
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert inverse.tolist() == [[2, 0], [2, 1]]
    assert counts.tolist() == [1, 1, 2]
    rows, counts = facula.tensor([[1, 0], [0, 5], [1, 0]]).unique(dim=0, return_counts=True)
    assert rows.tolist() == [[0, 5], [1, 0]]
    assert counts.tolist() == [1, 2]
    assert facula.tensor([1, 1, 2, 1]).unique_consecutive().tolist() == [1, 2, 1]


def test_searches_find_both_sides_and_run_by_halving_elsewhere():
    edges, values = facula.tensor([1.0, 2.0, 2.0, 5.0]), facula.tensor([0.0, 2.0, 5.0, 9.0])
    for right, expected in ((False, [0, 1, 3, 4]), (True, [0, 3, 4, 4])):
        assert facula.searchsorted(edges, values, right=right).tolist() == expected
        xp = edges._backend
        body = facula.ops.OPS["searchsorted"].body
        assert body(xp, edges._array, values._array, right).tolist() == expected


def test_bincount_and_histc():
    assert facula.tensor([1, 3, 1]).bincount(minlength=5).tolist() == [0, 2, 0, 1, 0]
    assert facula.tensor([0.0, 0.5, 1.0, 1.0]).histc(2).tolist() == [1, 3]
