"""nn.utils and nn.init: gradients clipped, vectors of parameters, parametrizations, pruning, fusion."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula
from facula import nn
from facula.nn.utils import parametrizations, parametrize, prune


def test_clip_grad_norm():
    p = nn.Parameter(facula.zeros(2))
    p.grad = facula.tensor([3.0, 4.0])
    assert nn.utils.clip_grad_norm_([p, nn.Parameter(facula.zeros(1))], 1.0).item() == 5
    assert p.grad.tolist() == pytest.approx([0.6, 0.8])
    p.grad = facula.tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0


def test_parameters_as_one_vector():
    net = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (9,)
    nn.utils.vector_to_parameters(facula.arange(9.0), net.parameters())
    assert net.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert net.bias.tolist() == [6, 7, 8]


def test_skip_init():
    layer = nn.utils.skip_init(nn.Linear, 3, 4)
    assert layer.weight.shape == (4, 3)
    assert layer.weight.device.type == "cpu"


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, x):
        return x.triu()


def test_parametrize():
    layer = nn.Linear(3, 3)
    weight = layer.weight
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert parametrize.is_parametrized(layer, "weight")
    assert layer.parametrizations.weight.original is weight
    assert layer.weight.equal(layer.weight.t())
    assert isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert set(layer.state_dict()) == {"bias", "parametrizations.weight.original"}
    layer(facula.ones(1, 3)).sum().backward()
    assert weight.grad is not None
    layer.weight = facula.eye(3)
    assert layer.weight.equal(facula.eye(3))
    with parametrize.cached():
        assert layer.weight is layer.weight
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert layer.weight is weight
    assert layer.weight.equal(facula.eye(3))


def test_parametrizations_must_keep_the_shape():
    class Half(nn.Module):
        def forward(self, x):
            return x[:1]

    with pytest.raises(ValueError, match="may not change the shape or dtype"):
        parametrize.register_parametrization(nn.Linear(2, 2), "weight", Half())


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)], ids=str)
@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
def test_orthogonal(shape, kind):
    layer = parametrizations.orthogonal(nn.Linear(shape[1], shape[0]), orthogonal_map=kind)
    with facula.no_grad():
        layer.parametrizations.weight.original.normal_()
    w = layer.weight.detach().numpy()
    small = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-5)
    layer.weight.sum().backward()
    assert layer.parametrizations.weight.original.grad is not None


def test_weight_norm_comes_and_goes():
    layer = nn.Linear(3, 4)
    before = layer.weight.detach().clone()
    nn.utils.weight_norm(layer)
    assert set(layer.state_dict()) == {"bias", "weight_g", "weight_v"}
    np.testing.assert_allclose(layer.weight.detach(), before, atol=1e-6)
    nn.utils.remove_weight_norm(layer)
    assert set(layer.state_dict()) == {"bias", "weight"}
    np.testing.assert_allclose(layer.weight.detach(), before, atol=1e-6)
    with pytest.raises(ValueError, match="not found"):
        nn.utils.remove_weight_norm(layer)


def test_spectral_norm_bounds_the_largest_singular_value():
    layer = parametrizations.spectral_norm(nn.Linear(5, 4), n_power_iterations=20)
    layer(facula.ones(1, 5))
    assert np.linalg.svd(layer.weight.detach().numpy())[1].max() == pytest.approx(1, abs=1e-3)


def test_pruning():
    layer = nn.Linear(4, 5)
    with facula.no_grad():
        layer.weight.copy_(facula.arange(1.0, 21.0).reshape(5, 4))
    prune.l1_unstructured(layer, "weight", amount=6)
    assert (layer.weight == 0).sum().item() == 6
    assert {"weight_orig", "weight_mask"} <= set(layer.state_dict())
    prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    assert prune.is_pruned(layer)
    layer(facula.ones(4)).sum().backward()
    assert layer.weight_orig.grad[0].abs().sum().item() == 0
    prune.remove(layer, "weight")
    assert not prune.is_pruned(layer)
    assert isinstance(layer.weight, nn.Parameter)
    a, b = nn.Linear(3, 3), nn.Linear(2, 2)
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=0.5)
    assert (a.weight == 0).sum().item() + (b.weight == 0).sum().item() == 6


def test_functional_call():
    layer = nn.Linear(2, 1)
    zeros = {k: facula.zeros_like(v) for k, v in layer.named_parameters()}
    assert nn.utils.stateless.functional_call(layer, zeros, facula.ones(2)).item() == 0
    assert layer.weight.abs().sum().item() > 0


def test_fusion():
    conv, norm = nn.Conv2d(2, 3, 3).eval(), nn.BatchNorm2d(3).eval()
    with facula.no_grad():
        norm.running_mean.normal_()
        norm.weight.normal_()
        norm.bias.normal_()
    x = facula.randn(1, 2, 5, 5)
    fused = nn.utils.fuse_conv_bn_eval(conv, norm)
    np.testing.assert_allclose(fused(x).detach(), norm(conv(x)).detach(), atol=1e-5)


# ---- init


def spread(t):
    a = t.detach().numpy()
    return a.min(), a.max(), a.std()


def test_distributions_of_init():
    facula.manual_seed(0)
    w = facula.empty(200, 300)
    low, high, std = spread(nn.init.kaiming_uniform_(w, a=math.sqrt(5)))
    assert max(-low, high) <= 1 / math.sqrt(300)
    assert std == pytest.approx(1 / math.sqrt(3 * 300), rel=0.02)
    assert spread(nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"))[
        2
    ] == pytest.approx(0.1, rel=0.02)
    assert spread(nn.init.xavier_uniform_(w))[2] == pytest.approx(math.sqrt(2 / 500), rel=0.02)
    assert spread(nn.init.xavier_normal_(w, gain=2.0))[2] == pytest.approx(
        2 * math.sqrt(2 / 500), rel=0.02
    )
    low, high, std = spread(nn.init.trunc_normal_(w, std=0.5, a=-0.5, b=0.5))
    assert low >= -0.5
    assert high <= 0.5
    assert std == pytest.approx(0.5 * 0.5396, rel=0.02)
    q = nn.init.orthogonal_(facula.empty(4, 6), gain=2.0).numpy()
    np.testing.assert_allclose(q @ q.T, 4 * np.eye(4), atol=1e-4)
    assert (nn.init.sparse_(facula.empty(10, 4), 0.3).numpy() == 0).sum(0).tolist() == [3] * 4


def test_exact_inits():
    assert nn.init.eye_(facula.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert nn.init.constant_(facula.empty(2), 3.0).tolist() == [3, 3]
    x = facula.randn(1, 2, 5)
    assert facula.nn.functional.conv1d(x, nn.init.dirac_(facula.empty(2, 2, 3)), padding=1).equal(x)
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        nn.init.calculate_gain("swish")
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_normal_(facula.empty(3))


def test_init_is_not_recorded():
    p = nn.Parameter(facula.empty(3, 3))
    assert nn.init.normal_(p) is p
    assert p.is_leaf
