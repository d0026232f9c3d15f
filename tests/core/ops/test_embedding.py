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


#: (row numbers, offsets) of bags: some empty, all empty, with a row twice, with equal rows, with rows of -inf alone.
BAGS = [
    ([0, 1, 2], [0, 0, 2]), ([], [0]), ([], [0, 0]), ([1, 2], [0, 2, 2]), ([2, 2, 3], [0, 1]), ([3, 4, 0], [0]),
    ([3, 0, 1], [0, 1, 1]), ([2, 0, 1], [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("mode", ["max", "mean", "sum"])
@pytest.mark.parametrize(("rows", "offsets"), BAGS, ids=str)
def test_bags_and_their_gradients(rows, offsets, mode, place):
    table = np.array([[1, -np.inf], [1, -np.inf], [-2, 3], [4, -1], [4, 5]], np.float32)
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):

        def bag(rows, table, offsets, functional=functional):
            return functional.embedding_bag(rows, table, offsets, mode=mode)

        bag = facula.compile(bag, backend="c") if lib is facula and place == "c" else bag
        device = "toy" if lib is facula and place == "toy" else "cpu"
        weight = lib.tensor(table, device=device, requires_grad=True)
        numbers = (lib.tensor(x, dtype=lib.int64, device=device) for x in (rows, offsets))
        out = bag(next(numbers), weight, next(numbers))
        out.sum().backward()
        found.append((out.detach().cpu().numpy(), weight.grad.cpu().numpy()))
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
