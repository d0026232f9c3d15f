"""Norms: arrays larger than a cache piece, running statistics, errors."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)


def draws(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def assert_alike(function, *arrays, tolerance=1e-4):
    results, cotangent = [], None
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
        out = function(functional, *inputs)
        cotangent = draws(*out.shape) if cotangent is None else cotangent
        out.backward(lib.tensor(cotangent))
        results.append([out.detach().numpy(), *(x.grad.numpy() for x in inputs)])
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(
            mine, theirs, tolerance, tolerance * np.abs(theirs).max(initial=0)
        )


@pytest.mark.parametrize("shape", [(200,), (30, 200)])
def test_layer_norm(shape):
    assert_alike(
        lambda f, x, w, b: f.layer_norm(x, shape, w, b),
        draws(40, 30, 200),
        draws(*shape),
        draws(*shape),
    )


def test_layer_norm_of_transposed():
    assert_alike(lambda f, x: f.layer_norm(x.transpose(0, 2), (40,)), draws(40, 30, 60))


def test_rms_and_group_norm():
    assert_alike(lambda f, x, w: f.rms_norm(x, (200,), w), draws(40, 30, 200), draws(200))
    assert_alike(
        lambda f, x, w, b: f.group_norm(x, 4, w, b), draws(8, 16, 20, 10), draws(16), draws(16)
    )
    assert_alike(
        lambda f, x, w, b: f.instance_norm(x, None, None, w, b),
        draws(8, 16, 20),
        draws(16),
        draws(16),
    )


@pytest.mark.parametrize("shape, groups", [((4, 0, 2), 1), ((0, 4, 2), 2)])
def test_group_norm_of_nothing(shape, groups):
    weight = np.ones(shape[1], np.float32)
    assert_alike(lambda f, x, w, b: f.group_norm(x, groups, w, b), draws(*shape), weight, weight)


@pytest.mark.parametrize("shape", [(8, 16, 20, 30), (100, 16), (8, 16, 50)])
def test_batch_norm(shape):
    assert_alike(
        lambda f, x, w, b: f.batch_norm(x, None, None, w, b, True),
        draws(*shape),
        draws(16),
        draws(16),
    )


@pytest.mark.parametrize("shape", [(8, 16, 20, 30), (100, 16), (8, 16, 50)])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_in_evaluation(shape, affine):
    mean, var = draws(16), draws(16) ** 2 + 0.5
    assert_alike(
        lambda f, x, *affine: f.batch_norm(x, x.new_tensor(mean), x.new_tensor(var), *affine),
        draws(*shape),
        *([draws(16), draws(16)] if affine else []),
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("affine", [True, False])
def test_statistics_moved_before_the_backward_pass_of_an_evaluation(dtype, affine):
    """Its gradient is that of the statistics it saw, where PyTorch's is that of the later ones."""
    found, draw = [], facula.tensor(draws(4, 3))
    for trains in (False, True):
        norm = facula.nn.BatchNorm1d(3, affine=affine).eval()
        x = draw.to(getattr(facula, dtype)).detach().requires_grad_()
        out = (norm(x) * norm(x)).sum()
        if trains:
            norm.train()(x.detach() * 3 + 1)
        out.backward()
        found.append([x.detach(), x.grad, *(p.grad for p in norm.parameters())])
    for a, b in zip(*found):
        assert a.equal(b)


def test_running_statistics():
    x = draws(5, 3, 4)
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        mean, var = lib.zeros(3), lib.ones(3)
        functional.batch_norm(lib.tensor(x), mean, var, training=True, momentum=0.3)
        found.append((mean.numpy(), var.numpy()))
    np.testing.assert_allclose(found[0][0], found[1][0], 1e-5, 1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], 1e-5)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
def test_batch_norm_of_an_empty_batch(shape, affine):
    for lib in (torch, facula):
        norm = lib.nn.BatchNorm1d(3, affine=affine)
        x = lib.zeros(shape, requires_grad=True)
        norm(x).sum().backward()
        assert norm.running_mean.tolist() == [0, 0, 0] and norm.running_var.tolist() == [1, 1, 1]
        assert tuple(x.grad.shape) == shape
        assert all(p.grad.tolist() == [0, 0, 0] for p in norm.parameters())


def test_errors():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.batch_norm(facula.ones(1, 3), None, None, training=True)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.group_norm(facula.ones(1, 3), 3)
    with pytest.raises(RuntimeError, match="normalized_shape"):
        F.layer_norm(facula.ones(2, 3), (4,))
    with pytest.raises(RuntimeError, match="num_groups"):
        F.group_norm(facula.ones(2, 3), 2)
