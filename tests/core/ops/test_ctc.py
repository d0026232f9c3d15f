"""CTC loss against PyTorch: lengths of all kinds, targets without a path, joined targets."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(30, 6, 9)).astype(np.float32)
TARGETS = RNG.integers(1, 9, (6, 8))
INPUTS, LABELS = [30, 20, 30, 7, 30, 0], [8, 5, 0, 8, 1, 0]


def run(lib, functional, targets, **options):
    scores = lib.tensor(SCORES, requires_grad=True)
    loss = functional.ctc_loss(
        functional.log_softmax(scores, 2), lib.tensor(targets), INPUTS, LABELS, **options
    )
    loss.sum().backward()
    return loss.detach().numpy(), scores.grad.numpy()


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_equals_torch(reduction, zero_infinity):
    options = {"reduction": reduction, "zero_infinity": zero_infinity}
    mine, theirs = (
        run(facula, F, TARGETS, **options),
        run(torch, torch.nn.functional, TARGETS, **options),
    )
    for a, b in zip(mine, theirs):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_joined_targets():
    joined = np.concatenate([row[:n] for row, n in zip(TARGETS, LABELS)])
    np.testing.assert_allclose(
        run(facula, F, joined, reduction="none")[0], run(facula, F, TARGETS, reduction="none")[0]
    )


def test_lengths_are_checked():
    with pytest.raises(RuntimeError, match="input_lengths"):
        F.ctc_loss(facula.zeros(4, 1, 3), facula.tensor([[1]]), [5], [1])
