"""Checkpointing: the gradients, first and second, of the same model without it; memory let go in between."""

from __future__ import annotations

import pytest

import facula
from facula.utils.checkpoint import CheckpointedNode, _slot, checkpoint, checkpoint_sequential


def model():
    facula.manual_seed(0)
    nn = facula.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2)).double()


def test_same_random_numbers_and_gradients():
    net, x, found = model(), facula.randn(5, 3, dtype=facula.float64), []
    for run in (net, lambda x: checkpoint(net, x), lambda x: checkpoint_sequential(net, 2, x)):
        net.zero_grad()
        facula.manual_seed(1)
        run(x).pow(2).sum().backward()
        found.append([p.grad.clone() for p in net.parameters()])
    for grads in found[1:]:
        assert all(facula.allclose(a, b) for a, b in zip(found[0], grads))


def test_second_derivatives():
    net, x, found = model().eval(), facula.randn(5, 3, dtype=facula.float64), []
    for run in (net, lambda x: checkpoint(net, x)):
        net.zero_grad()
        (g,) = facula.autograd.grad(run(x).pow(3).sum(), net[0].weight, create_graph=True)
        g.sum().backward()
        found.append(net[0].weight.grad)
    assert facula.allclose(*found)


def test_nothing_is_kept_until_the_backward_pass():
    w = facula.ones(3, requires_grad=True)
    out = checkpoint(lambda t: t.exp().sin(), w)
    node = out._node
    assert type(node) is CheckpointedNode and not isinstance(_slot.__get__(node), tuple)
    out.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        out.sum().backward()


def test_a_function_that_changes_is_refused():
    calls = []

    def fickle(t):
        calls.append(1)
        return t.exp() if len(calls) == 1 else t.sin().exp()

    with pytest.raises(RuntimeError, match="must do the same"):
        checkpoint(fickle, facula.ones(2, requires_grad=True)).sum().backward()
