"""Checkpointing: the gradients, first and second, of the same model without it; memory let go in between."""

from __future__ import annotations

import weakref

import pytest

import facula
from facula.utils.checkpoint import CheckpointedNode, _slot, checkpoint, checkpoint_sequential


def model():
    facula.manual_seed(0)
    nn = facula.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2)).double()


def within_another(net):
    """The layers of `net`, the first two of them in a checkpoint within one within one."""

    def inner(x):
        return checkpoint(net[1], net[0](x))

    def middle(x):
        return net[2](checkpoint(inner, x))

    return lambda x: net[3](checkpoint(middle, x))


WAYS = [
    lambda net: lambda x: checkpoint(net, x),
    lambda net: lambda x: checkpoint_sequential(net, 2, x),
    within_another,
]


def test_same_random_numbers_and_gradients():
    net, x, found = model(), facula.randn(5, 3, dtype=facula.float64), []
    for run in (net, *[way(net) for way in WAYS]):
        net.zero_grad()
        facula.manual_seed(1)
        run(x).pow(2).sum().backward()
        found.append([p.grad.clone() for p in net.parameters()])
    for grads in found[1:]:
        assert all(facula.allclose(a, b) for a, b in zip(found[0], grads))


@pytest.mark.parametrize("way", WAYS)
def test_second_derivatives(way):
    net, x, found = model().eval(), facula.randn(5, 3, dtype=facula.float64), []
    for run in (net, way(net)):
        net.zero_grad()
        (g,) = facula.autograd.grad(run(x).pow(3).sum(), net[0].weight, create_graph=True)
        g.sum().backward()
        found.append(net[0].weight.grad)
    assert facula.allclose(*found)


#: Whether the forward and the backward pass are within autocast.
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("forward, backward", [(True, False), (False, True), (True, True)])
def test_the_second_run_has_the_autocast_of_the_first(way, forward, backward):
    net, x, found = model().float().eval(), facula.randn(5, 3), []
    for run in (net, way(net)):
        net.zero_grad()
        with facula.autocast("cpu", enabled=forward):
            loss = run(x).float().pow(2).sum()
        with facula.autocast("cpu", enabled=backward):
            loss.backward()
        found.append([p.grad.clone() for p in net.parameters()])
    assert all(facula.equal(a, b) for a, b in zip(*found))


def test_a_checkpoint_within_another_keeps_nothing_that_goes_into_it():
    between = []

    def inner(t):
        return t.sin()

    def outer(t):
        h = t.exp()
        between.append(weakref.ref(h))
        return checkpoint(inner, h).sin()

    out = checkpoint(outer, facula.ones(3, requires_grad=True))
    assert between[0]() is None
    out.sum().backward()
    assert between[1]() is None


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


@pytest.mark.parametrize("write", [lambda x: x, lambda x: x[:1], lambda x: x.detach()])
@pytest.mark.parametrize("needs_grad", [True, False])
def test_an_input_that_was_written_before_the_backward_pass_is_refused(write, needs_grad):
    x = facula.ones(2, requires_grad=needs_grad)
    w = facula.tensor([3.0, 4.0], requires_grad=True)
    out = checkpoint(lambda t: (t * w).sum(), x)
    with facula.no_grad():
        write(x).mul_(10)
    with pytest.raises(
        RuntimeError, match=r"an input of checkpoint, of shape \[2\], is at version 1"
    ):
        out.backward()


def test_a_function_that_writes_its_input_is_refused():
    out = checkpoint(
        lambda t: (t.mul_(2) * facula.ones(2, requires_grad=True)).sum(), facula.ones(2)
    )
    with pytest.raises(RuntimeError, match="an input of checkpoint"):
        out.backward()
