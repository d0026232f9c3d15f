"""Random programs of views, writes and sums: captured they give what eager gives, gradients too."""

from __future__ import annotations

import random

import numpy as np
import pytest

import facula


def program(seed):
    """A list of steps on a growing list of tensors, each a function of that list."""
    rng = random.Random(seed)
    steps = []
    for _ in range(rng.randint(6, 14)):
        a, b, n = rng.random(), rng.random(), rng.choice([0.5, 2.0, -1.0])
        i = rng.randint(0, 1)
        steps.append(
            rng.choice([
                lambda ts, a=a, i=i: pick(ts, a)[i : i + 2],
                lambda ts, a=a: pick(ts, a).t() if pick(ts, a).ndim == 2 else pick(ts, a),
                lambda ts, a=a: pick(ts, a)[0] if pick(ts, a).ndim > 1 else pick(ts, a),
                lambda ts, a=a: pick(ts, a).reshape(-1),
                lambda ts, a=a: pick(ts, a).clone(),
                lambda ts, a=a: pick(ts, a).detach(),
                lambda ts, a=a, n=n: pick(ts, a) * n,
                lambda ts, a=a, n=n: in_place(pick(ts, a), lambda t: t.mul_(n)),
                lambda ts, a=a, n=n: in_place(pick(ts, a), lambda t: t.add_(n)),
                lambda ts, a=a, b=b: in_place(pick(ts, a), lambda t: t.add_(pick(ts, b).sum())),
                lambda ts, a=a, b=b: in_place(pick(ts, a), lambda t: t.mul_(pick(ts, b).mean())),
                lambda ts, a=a: in_place(pick(ts, a), lambda t: t.zero_()),
                lambda ts, a=a, b=b: pick(ts, a).sum() * pick(ts, b),
            ])
        )  # fmt: skip
    return steps


def pick(tensors, place):
    return tensors[int(place * len(tensors))]


def in_place(tensor, write):
    with facula.set_grad_enabled(
        not (tensor.is_leaf and tensor.requires_grad) and facula.is_grad_enabled()
    ):
        write(tensor)
    return tensor * 1.0


def function(seed):
    steps = program(seed)

    def f(x, buffer):
        tensors = [x * 1.0, x.detach().clone(), buffer]
        for step in steps:
            tensors.append(step(tensors))
        return tensors[3:], sum((t * t).sum() for t in tensors)

    return f


@pytest.mark.parametrize("seed", range(150))
def test_a_random_program_equals_eager(seed):
    f = function(seed)
    compiled = facula.compile(f)
    values = np.random.default_rng(seed).uniform(0.5, 1.0, (2, 3, 3))

    def outcome(g):
        x, buffer = facula.tensor(values[0], requires_grad=True), facula.tensor(values[1])
        try:
            tensors, total = g(x, buffer)
            if total.requires_grad:
                total.backward()
        except RuntimeError as error:
            return type(error)
        return [t.detach().numpy() for t in tensors], buffer.detach().numpy(), total.item(), x.grad

    expected = outcome(f)
    for _ in range(2):
        got = outcome(compiled)
        if isinstance(expected, type):
            return  # an in-place write that a gradient needs undone: eager refuses it
        for a, b in zip(got[0], expected[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-10, atol=1e-12)
        assert got[2] == pytest.approx(expected[2], rel=1e-10)
        assert (got[3] is None) == (expected[3] is None)
        if expected[3] is not None:
            np.testing.assert_allclose(got[3].numpy(), expected[3].numpy(), rtol=1e-9, atol=1e-11)


def test_a_tensor_from_outside_keeps_its_shape():
    from facula.graph import CaptureError

    held = facula.ones(2, 3)
    for function in (lambda x: x.transpose_(0, 1) * 2, lambda x: (x * 2, x.t_()), lambda x: held.unsqueeze_(0) + x):  # fmt: skip
        x = facula.ones(2, 3)
        with pytest.raises(CaptureError, match=r"another shape by \w+_\(\)"):
            facula.compile(function)(x)
        assert x.shape == held.shape == (2, 3) and x.tolist() == held.tolist()
    turned = facula.compile(lambda x: (x * 2).t_())(facula.ones(2, 3))
    assert turned.shape == (3, 2)
