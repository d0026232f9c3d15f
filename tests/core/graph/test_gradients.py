"""Gradients of every op's samples, captured with backward inside, and through a compiled call."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.testing.samples import build, on_device, samples_of, tensors_in

OPS = [
    o for o in sorted(facula.ops.OPS.values(), key=lambda o: o.name) if o.samples and not o.dynamic
]


def loss_of(result):
    total = 0.0
    for t in tensors_in(result):
        if t.requires_grad:
            total = total + (t * t.conj()).real.sum() if t.is_complex() else total + (t * t).sum()
    return total


def gradients(op, sample, compiled, inside):
    """Gradients of all tensors of a sample, with `backward` inside the function or outside."""
    call = build(sample, on_device("cpu", grad=True))
    leaves = [t for t in tensors_in(call) if t.requires_grad]

    def f(args, kwargs):
        result = op.public_call(*args, **kwargs)
        if not any(t.requires_grad for t in tensors_in(result)):
            return None
        loss = loss_of(result)
        if inside:
            loss.backward()
        return loss

    facula.manual_seed(0)
    loss = (facula.compile(f) if compiled else f)(call.args, call.kwargs)
    if not inside and loss is not None:
        loss.backward()
    return [None if t.grad is None else t.grad.numpy() for t in leaves]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_captured_gradients_equal_eager(op):
    if op.unspecified_values:
        return
    for sample in samples_of(op):
        expected = gradients(op, sample, False, True)
        for inside in (True, False):
            for a, b in zip(gradients(op, sample, True, inside), expected, strict=True):
                assert (a is None) == (b is None)
                if b is not None:
                    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
