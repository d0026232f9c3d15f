"""Losses against PyTorch: ignored targets, weights, smoothing, several dimensions, errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)
REDUCTIONS = ("mean", "sum", "none")


def draws(*shape):
    return RNG.normal(size=shape).astype(np.float32) * 3


def assert_alike(function, scores, *others):
    results = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        x = lib.tensor(scores, requires_grad=True)
        out = function(functional, x, *[lib.tensor(o) for o in others])
        out.sum().backward()
        results.append((out.detach().numpy(), x.grad.numpy()))
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-5)


@pytest.mark.parametrize("reduction, smoothing", list(itertools.product(REDUCTIONS, (0.0, 0.1))))
def test_cross_entropy(reduction, smoothing):
    targets = RNG.integers(0, 50, 900)
    targets[::3] = -100
    weight = np.abs(draws(50))
    options = {"reduction": reduction, "label_smoothing": smoothing}
    assert_alike(
        lambda f, x, t, w: f.cross_entropy(x, t, w, **options), draws(900, 50), targets, weight
    )
    assert_alike(lambda f, x, t: f.cross_entropy(x, t, **options), draws(900, 50), targets)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_dense_targets(reduction):
    targets = RNG.integers(0, 5, (4, 7, 3))
    for name in ("cross_entropy", "nll_loss"):
        assert_alike(
            lambda f, x, t, name=name: getattr(f, name)(x, t, reduction=reduction, ignore_index=2),
            draws(4, 5, 7, 3),
            targets,
        )


@pytest.mark.parametrize("bad", [5, -1])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_target_out_of_range(name, bad):
    with pytest.raises(IndexError, match=f"Target {bad} .* 5 classes"):
        getattr(F, name)(facula.tensor(draws(2, 5)), facula.tensor([0, bad]))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss"]
)
def test_numbers(name, reduction):
    assert_alike(
        lambda f, x, t: getattr(f, name)(x, t, reduction=reduction), draws(200, 30), draws(200, 30)
    )


def test_binary_cross_entropy():
    targets = RNG.random((200, 30)).astype(np.float32)
    weight = np.abs(draws(30))
    assert_alike(
        lambda f, x, t, w: f.binary_cross_entropy_with_logits(x, t, w, pos_weight=w),
        draws(200, 30),
        targets,
        weight,
    )
    assert_alike(lambda f, x, t: f.binary_cross_entropy(x.sigmoid(), t), draws(200, 30), targets)


def test_second_derivative_of_cross_entropy():
    x = facula.tensor(draws(3, 4).astype(np.float64), requires_grad=True)
    target = facula.tensor([1, -100, 3])
    assert facula.autograd.gradgradcheck(
        lambda x: F.cross_entropy(x, target, label_smoothing=0.1), [x]
    )


def test_size_average_and_reduce():
    x, t = facula.tensor([1.0, 2.0]), facula.tensor([0.0, 0.0])
    assert F.mse_loss(x, t, size_average=False).item() == 5.0
    assert F.mse_loss(x, t, reduce=False).tolist() == [1.0, 4.0]
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        F.mse_loss(x, t, reduction="average")


@pytest.mark.parametrize("device", ["cpu", "toy"])
@pytest.mark.parametrize(
    "labels", [[0, 2, -1, 1], [-2, 0, -1, 1], [0, -1, -2, 1], [0, -1, 1, 9], [0, 4, -1, 1]], ids=str
)
def test_multilabel_margin_takes_what_pytorch_takes(labels, device):
    taken = []
    for lib, place in ((facula, device), (torch, "cpu")):
        scores = lib.arange(4.0).to(place)
        try:
            loss = lib.nn.functional.multilabel_margin_loss(scores, lib.tensor(labels).to(place))
            taken.append(loss.item())
        except RuntimeError:
            taken.append(None)
    assert taken[0] == taken[1]


@pytest.mark.parametrize("name", ["margin_ranking_loss", "hinge_embedding_loss", "triplet_margin_loss", "pairwise_distance", "poisson_nll_loss"])  # fmt: skip
def test_margin_losses_at_the_margin_and_of_integers(name):
    arguments = {
        "margin_ranking_loss": ([1, 2], [1, 2], [1, -1]),
        "hinge_embedding_loss": ([1, 2], [-1, 1]),
        "triplet_margin_loss": ([[1, 2]], [[3, 1]], [[1, 2]]),
        "pairwise_distance": ([[1, 2]], [[3, 1]]),
        "poisson_nll_loss": ([1, 2], [0, 3]),
    }[name]
    found = []
    for lib in (facula, torch):
        loss = getattr(lib.nn.functional, name)
        first, *others = (lib.tensor(x, dtype=lib.float32) for x in arguments)
        first.requires_grad_()
        (slope,) = lib.autograd.grad(loss(first, *others).sum(), first)
        whole = loss(*map(lib.tensor, arguments)) if name != "hinge_embedding_loss" else slope
        found.append([slope.tolist(), whole.tolist(), str(whole.dtype).split(".")[1]])
    assert found[0][2] == found[1][2]
    for mine, theirs in zip(*(x[:2] for x in found)):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
