"""Embeddings: gradients with padding and by frequency, `max_norm`, bags, errors."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"scale_grad_by_freq": True}])
def test_gradient(options):
    table, rows = RNG.normal(size=(50, 7)).astype(np.float32), RNG.integers(0, 50, (30, 20))
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        weight = lib.tensor(table, requires_grad=True)
        functional.embedding(lib.tensor(rows), weight, **options).pow(2).sum().backward()
        found.append(weight.grad.numpy())
    np.testing.assert_allclose(*found, 1e-4, 1e-5)


@pytest.mark.parametrize("row", [7, -1])
def test_out_of_range(row):
    with pytest.raises(IndexError, match=f"{row} is no row of a table of 5 rows"):
        F.embedding(facula.tensor([0, row]), facula.ones(5, 2))


def test_max_norm_scales_in_place():
    weight = facula.tensor([[3.0, 4.0], [6.0, 8.0], [0.0, 0.5]])
    F.embedding(facula.tensor([0, 2]), weight, max_norm=1.0)
    np.testing.assert_allclose(weight.numpy(), [[0.6, 0.8], [6.0, 8.0], [0.0, 0.5]], 1e-5)


def test_one_hot():
    assert F.one_hot(facula.tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        F.one_hot(facula.tensor([3]), 3)
