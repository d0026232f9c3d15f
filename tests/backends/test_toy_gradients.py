"""Backward passes on the toy device: rules see its raw arrays, so nothing of NumPy may slip into them."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.testing.samples import build, on_device, samples_of, tensors_in

CASES = [
    pytest.param(op, i, id=f"{op.name}-{i}")
    for op in sorted(facula.ops.OPS.values(), key=lambda o: o.name)
    for i in range(len(samples_of(op)))
]


def gradients(op, i, device):
    """The gradients of the sum of all results, and where there are none, None."""
    facula.manual_seed(0)
    sample = build(samples_of(op)[i], on_device(device, grad=True))
    inputs = [t for t in tensors_in(sample) if t.requires_grad]
    results = [
        t for t in tensors_in(op.public_call(*sample.args, **sample.kwargs)) if t.requires_grad
    ]
    if not inputs or not results:
        return []
    found = facula.autograd.grad(
        results, inputs, [facula.ones_like(r) for r in results], allow_unused=True
    )
    return [None if g is None else g.detach().cpu().numpy() for g in found]


@pytest.mark.parametrize(("op", "i"), CASES)
def test_gradients_on_the_toy_device(op, i):
    expected, got = gradients(op, i, "cpu"), gradients(op, i, "toy")
    assert len(expected) == len(got)
    for e, g in zip(expected, got):
        assert (e is None) == (g is None)
        if e is not None and not op.unspecified_values:
            assert (e.dtype, e.shape) == (g.dtype, g.shape)
            tolerance = (
                4e-6
                if e.dtype.name in ("float32", "complex64")
                else 2e-2
                if e.dtype.itemsize == 2
                else 1e-9
            )
            np.testing.assert_allclose(
                g.astype(e.dtype), e, rtol=tolerance, atol=tolerance, equal_nan=True
            )
