"""Each pass does what it says, and no result changes but by rounding where the pass says so."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn

SPECIAL = [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-40, 3.0, -7.5]


def names(graph):
    return [n.name for n in graph.nodes]


def compiled(f, *args):
    with facula.no_grad():
        g = facula.compile(f)
        results = g(*args)
    return g, results


def bits(t):
    return t.detach().numpy().tobytes()


# ---- algebra


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: (x * 1).abs(), ["abs"]), (lambda x: (1.0 * x).abs(), ["abs"]), (lambda x: (x / 1).abs(), ["abs"]),
        (lambda x: (x**1).abs(), ["abs"]), (lambda x: (x - 0.0).abs(), ["abs"]), (lambda x: (x + -0.0).abs(), ["abs"]),
        (lambda x: (x.neg().neg()).abs(), ["abs"]), (lambda x: x.double().float().abs(), ["abs"]),
        (lambda x: x.double().double().abs(), ["cast", "abs"]), (lambda x: (x.view(2, 4).view(8)).abs(), ["abs"]),
        (lambda x: x.view(2, 4).t().t().abs(), ["view", "abs"]), (lambda x: x.view(2, 4).view(4, 2).abs(), ["view", "abs"]),
        (lambda x: (x + 0.0).abs(), ["add", "abs"]), (lambda x: (x * 0).abs(), ["mul", "abs"]),
        (lambda x: x.half().float().abs(), ["cast", "cast", "abs"]), (lambda x: (x - -0.0).abs(), ["sub", "abs"]),
        (lambda x: x * 1, ["mul"]), (lambda x: (x**0.5).abs(), ["sqrt", "abs"]), (lambda x: (x.double() ** 0.5).abs(), ["cast", "sqrt", "abs"]),
    ],
)  # fmt: skip
def test_algebra_changes_no_bit(f, left):
    x = facula.tensor(SPECIAL)
    g, result = compiled(f, x)
    assert bits(result) == bits(f(x))
    found = names(g.graph)
    assert [n for n in found if n != "permute"] == left
    assert len(names(g.captured_graph)) >= len(found)


def test_zeros_keep_their_sign():
    x = facula.tensor([-0.0, 0.0])
    for f in (lambda x: 1 / (x + 0.0), lambda x: 1 / (x + -0.0), lambda x: 1 / (x - 0.0), lambda x: 1 / (x - -0.0)):  # fmt: skip
        assert bits(compiled(f, x)[1]) == bits(f(x))


def test_integers_and_other_dtypes():
    x = facula.tensor([-3, 0, 7])
    for f in (lambda x: (x + 0).abs(), lambda x: x * 1.0, lambda x: x / 1, lambda x: x.double().long(), lambda x: x.bool() * 1, lambda x: x.float().int().long()):  # fmt: skip
        _, result = compiled(f, x)
        assert result.dtype is f(x).dtype
        assert bits(result) == bits(f(x))
    assert names(compiled(lambda x: (x + 0).abs(), x)[0].graph) == ["abs"]
    big = facula.tensor([2**53 + 1])
    assert compiled(lambda x: x.double().long(), big)[1].item() == 2**53


def test_a_result_has_memory_of_its_own():
    x = facula.ones(3)
    _, result = compiled(lambda x: x.neg().neg(), x)
    result.zero_()
    assert x.tolist() == [1.0, 1.0, 1.0]
    g, _ = compiled(lambda x: x.mul_(1), x)
    g(x)
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_what_was_written_is_not_taken_for_what_it_was():
    def f(x):
        y = x * 1
        y[0] = 5.0
        return y + x

    x = facula.ones(3)
    assert compiled(f, x)[1].tolist() == [6.0, 2.0, 2.0]
    assert x.tolist() == [1.0, 1.0, 1.0]


# ---- constants


def test_constants_are_folded():
    table = [1.0, 2.0, 3.0]
    g, result = compiled(lambda x: x + (facula.tensor(table) * 2).exp(), facula.zeros(3))
    assert names(g.graph) == ["constant", "add"]
    np.testing.assert_allclose(result.numpy(), np.exp(2 * np.array(table)), rtol=1e-6)
    g, _ = compiled(lambda x: x + facula.rand(3), facula.zeros(3))
    assert g(facula.zeros(3)).tolist() != g(facula.zeros(3)).tolist()
    large = facula.ones(5000).tolist()
    assert names(compiled(lambda x: x + facula.tensor(large).exp(), facula.zeros(5000))[0].graph) == ["constant", "exp", "add"]  # fmt: skip


def test_an_error_is_raised_where_it_runs():
    g = facula.compile(lambda x: x + facula.tensor([1.0, 2.0])[facula.tensor([5])])
    with facula.no_grad(), pytest.raises(IndexError):
        g(facula.zeros(1))


# ---- common subexpressions and dead code


def test_equal_and_dead_nodes_go():
    g, _ = compiled(lambda x: ((x.exp() + 1) * (x.exp() + 1), x.sin())[0], facula.ones(2))
    assert names(g.graph) == ["exp", "add", "mul"]
    assert names(g.captured_graph).count("exp") == 2


# ---- batch norm


class Net(nn.Module):
    def __init__(self, groups=1, bias=True, affine=True):
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, padding=1, groups=groups, bias=bias)
        self.norm = nn.BatchNorm2d(6, affine=affine)
        self.linear, self.last = nn.Linear(6, 5, bias=bias), nn.BatchNorm1d(5, affine=affine)

    def forward(self, x):
        return self.last(self.linear(self.norm(self.conv(x)).relu().mean((2, 3))))


@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"bias": False}, {"affine": False}])
def test_batch_norm_is_folded_and_sees_every_write(options):
    facula.manual_seed(0)
    model = Net(**options)
    for _ in range(3):
        model(facula.randn(8, 4, 9, 9))
    model.eval()
    x = facula.randn(16, 4, 9, 9)
    with facula.no_grad():
        g = facula.compile(model)
        np.testing.assert_allclose(g(x).numpy(), model(x).numpy(), rtol=2e-5, atol=2e-5)
        layers = [n for n in g.graph.nodes if n.name in ("convolution", "linear")]
        assert all(n.args[2] is not None for n in layers)
        large = [n.name for n in g.graph.nodes if n.outputs[0].shape == (16, 6, 9, 9)]
        assert large == ["convolution", "relu"]
        model.conv.weight.data.mul_(1.5)  # nothing counts this write
        model.norm.running_mean.add_(0.3)
        model.last.running_var.mul_(2.0)
        np.testing.assert_allclose(g(x).numpy(), model(x).numpy(), rtol=2e-5, atol=2e-5)
    assert g.compiled.captures == 1


def test_batch_norm_stays_where_it_must():
    model = Net().eval()
    x = facula.randn(16, 4, 9, 9)
    g = facula.compile(model)
    g(x).sum().backward()  # a replay that is differentiable
    assert "mul" in [n.name for n in g.graph.nodes if n.outputs[0].shape == (16, 6, 9, 9)]
    assert model.conv.weight.grad is not None
    wide = nn.Sequential(nn.Conv2d(4, 64, 3), nn.BatchNorm2d(64)).eval()  # the weight is larger
    h, _ = compiled(wide, facula.randn(1, 4, 3, 3))
    assert (64, 4, 3, 3) not in [n.outputs[0].shape for n in h.graph.nodes]
    seen = nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)).eval()

    def both(x):  # the layer's own result is wanted too
        y = seen[0](x)
        return y, seen[1](y)

    with facula.no_grad():
        k = facula.compile(both)
        for a, b in zip(k(x), both(x)):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_training_statistics_are_not_folded():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    x = facula.randn(8, 3, 6, 6)
    with facula.no_grad():
        expected = model(x)
        got = facula.compile(model)(x)
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


# ---- gradients of all parts


def _of_heads(x):
    a, b, c = x.view(2, 3, 3, 4).permute(2, 0, 3, 1).unbind(0)
    return (a * b).sum() - c.neg().mul(0.0).sum()


#: A function of (2, 3, 12), and whether its parts are all, each once.
PARTS = {
    "as attention has them": (_of_heads, True),
    "chunks": (lambda x: sum(p.sin().sum() * k for k, p in enumerate(x.chunk(3, -1))), True),
    "pieces of other sizes": (lambda x: sum(p.square().sum() for p in x.split([5, 7], -1)), True),
    "one is missing": (lambda x: sum(p.square().sum() for p in x.chunk(3, -1)[:2]), False),
    "one comes twice": (lambda x: sum((p * q).sum() for p, q in zip(x.unbind(0), (x[0].exp(), x[1]))), False),
    "one is empty": (lambda x: x[..., :5].sin().sum() + x[..., 5:5].cos().sum(), False),
    "every second": (lambda x: x[..., ::2].sin().sum() + x[..., 1::2].cos().sum(), False),
    "a slice and the last": (lambda x: x[..., :11].sin().sum() + x[..., 11].pow(3).sum(), True),
    "one and a slice": (lambda x: x[:, 0].sin().sum() + x[:, 1:].pow(3).sum(), True),
    "a slice of one, and one": (lambda x: x[0:1].sin().sum() + x[1].pow(3).sum(), True),
    "along two dimensions": (lambda x: x[0].sin().sum() + x[:, 1:].cos().sum(), False),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_gradients_of_all_parts_are_joined(name):
    f, is_joined = PARTS[name]
    x = facula.linspace(-1, 1, 72).view(2, 3, 12).requires_grad_()
    g = facula.compile(lambda x: facula.autograd.grad(f(x), [x])[0])
    assert bits(g(x)) == bits(facula.autograd.grad(f(x), [x])[0])
    found = names(g.graph)
    assert ("write_view" not in found and "clone" not in found) == is_joined
    assert ("join" in found) >= is_joined
