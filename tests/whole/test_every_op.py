"""Every op's samples on every built-in device: values, gradients to second order, shapes, capture."""

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


def run(op, i, device, grad=False):
    facula.manual_seed(0)
    sample = build(samples_of(op)[i], on_device(device, grad))
    with facula.device(device):  # where creation ops put their results
        return sample, op.public_call(*sample.args, **sample.kwargs)


def values(result):
    return [t.numpy(force=True) if not t.is_meta else t for t in tensors_in(result)]


def test_every_op_has_samples():
    missing = sorted(o.name for o in facula.ops.OPS.values() if not o.samples and o.method)
    assert not missing, f"ops without @op.sample: {missing}"


@pytest.mark.parametrize("op, i", CASES)
def test_gradients(op, i):
    """Rules against finite differences, and the gradient of the gradient likewise."""
    from facula.autograd import gradcheck, gradgradcheck

    sample, result = run(op, i, "cpu", grad=True)
    inputs = [t for t in tensors_in(sample) if t.requires_grad]
    if op.random or not inputs or not any(t.requires_grad for t in tensors_in(result)):
        return

    def function(*new):
        fresh = iter(new)
        swapped = build_again(samples_of(op)[i], fresh)
        return [
            t
            for t in tensors_in(op.public_call(*swapped.args, **swapped.kwargs))
            if t.requires_grad
        ]

    def build_again(call, fresh):
        return build(call, lambda draw: next(fresh) if draw.grad else facula.tensor(draw.values))

    gradcheck(function, inputs)
    if op.twice_differentiable:
        gradgradcheck(function, inputs)


#: What devices may differ by where results are rounded to fewer digits than float64 has.
COARSE = {"float32": 4e-6, "complex64": 4e-6, "float16": 2e-3, "bfloat16": 2e-2}


def same(a, b, tolerance):
    assert len(a) == len(b)
    for x, y in zip(a, b):
        assert x.dtype == y.dtype and x.shape == y.shape
        tolerance = max(tolerance, COARSE.get(y.dtype.name, 0))
        np.testing.assert_allclose(
            x.astype(y.dtype), y, rtol=tolerance, atol=tolerance, equal_nan=True
        )


@pytest.mark.parametrize("op, i", CASES)
def test_toy_equals_numpy(op, i):
    _, expected = run(op, i, "cpu")
    _, got = run(op, i, "toy")
    if op.unspecified_values:
        return
    same(values(got), values(expected), 1e-9)


@pytest.mark.parametrize("op, i", CASES)
def test_meta_knows_shapes(op, i):
    if op.dynamic:
        with pytest.raises(NotImplementedError):
            run(op, i, "meta")
        return
    _, expected = run(op, i, "cpu")
    _, got = run(op, i, "meta")
    pairs = list(zip(tensors_in(got), tensors_in(expected), strict=True))
    assert all((g.shape, g.dtype) == (e.shape, e.dtype) for g, e in pairs)


@pytest.mark.parametrize("op, i", CASES)
def test_replay_equals_eager(op, i):
    sample, expected = run(op, i, "cpu")
    compiled = facula.compile(op.public_call)
    facula.manual_seed(0)
    expected = op.public_call(*sample.args, **sample.kwargs)
    facula.manual_seed(0)
    try:
        got = compiled(*sample.args, **sample.kwargs)
    except NotImplementedError:
        assert op.dynamic  # where an argument settles the shape, they may be captured as well
        return
    if not op.unspecified_values:
        same(values(got), values(expected), 1e-12)
