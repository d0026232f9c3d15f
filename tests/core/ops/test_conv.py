"""Convolution against a plain loop, its gradients against finite differences, and what it refuses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import facula
from facula.autograd import gradcheck, gradgradcheck
from facula.nn import functional as F

CASES = [  # shape, weight, stride, padding, dilation, groups
    ((2, 3, 7), (4, 3, 3), (1,), (0,), (1,), 1),
    ((2, 4, 6), (4, 2, 2), (2,), (1,), (2,), 2),
    ((1, 2, 5, 6), (3, 2, 3, 2), (1, 1), (1, 1), (1, 1), 1),
    ((2, 2, 6, 5), (4, 1, 2, 3), (2, 1), (0, 2), (1, 1), 2),
    ((2, 3, 4, 4), (3, 1, 3, 3), (1, 1), (1, 1), (1, 1), 3),  # one channel a group
    ((2, 3, 4, 5), (4, 3, 1, 1), (1, 2), (0, 0), (1, 1), 1),  # kernel of one element
    ((1, 2, 3, 4, 4), (2, 2, 2, 3, 1), (1, 2, 1), (1, 0, 0), (1, 1, 2), 1),
]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def by_loop(x, w, stride, padding, dilation, groups):
    """The definition: every output element a sum over channels and kernel elements."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    each = zip(x.shape[2:], w.shape[2:], stride, dilation)
    size = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in each]
    out = np.zeros((x.shape[0], w.shape[0], *size))
    per_group, outputs = w.shape[1], w.shape[0] // groups
    for o in range(w.shape[0]):
        channels = slice(o // outputs * per_group, (o // outputs + 1) * per_group)
        for at in product(*map(range, size)):
            for k in product(*map(range, w.shape[2:])):
                place = tuple(a * s + i * d for a, s, i, d in zip(at, stride, k, dilation))
                seen = x[(slice(None), channels, *place)]
                out[(slice(None), o, *at)] += seen @ w[(o, slice(None), *k)]
    return out


@pytest.mark.parametrize("shape, weight, stride, padding, dilation, groups", CASES)
def test_forward_is_the_definition(shape, weight, stride, padding, dilation, groups):
    x, w = draw(*shape), draw(*weight, seed=1)
    conv = getattr(F, f"conv{len(shape) - 2}d")
    got = conv(facula.tensor(x), facula.tensor(w), None, stride, padding, dilation, groups)
    np.testing.assert_allclose(
        got.numpy(), by_loop(x, w, stride, padding, dilation, groups), atol=1e-12
    )


@pytest.mark.parametrize("shape, weight, stride, padding, dilation, groups", CASES)
def test_gradients_to_second_order(shape, weight, stride, padding, dilation, groups):
    n = len(shape) - 2
    inputs = [facula.tensor(draw(*s), requires_grad=True) for s in (shape, weight, weight[:1])]

    def function(x, w, b):
        return getattr(F, f"conv{n}d")(x, w, b, stride, padding, dilation, groups)

    gradcheck(function, inputs)
    if shape[0] == 1:
        gradgradcheck(function, inputs)


@pytest.mark.parametrize("shape, weight, stride, padding, dilation, groups", CASES)
def test_transposed_is_the_adjoint(shape, weight, stride, padding, dilation, groups):
    """<conv(x), y> = <x, conv_transpose(y)>, the output padding making up what the stride left over."""
    n = len(shape) - 2
    x, w = facula.tensor(draw(*shape)), facula.tensor(draw(*weight, seed=1))
    out = getattr(F, f"conv{n}d")(x, w, None, stride, padding, dilation, groups)
    y = facula.tensor(draw(*out.shape, seed=2))
    transpose = getattr(F, f"conv_transpose{n}d")
    least = transpose(y, w, None, stride, padding, 0, groups, dilation).shape
    more = tuple(a - b for a, b in zip(shape[2:], least[2:]))
    back = transpose(y, w, None, stride, padding, more, groups, dilation)
    assert tuple(back.shape) == shape
    np.testing.assert_allclose((out * y).sum().item(), (x * back).sum().item(), rtol=1e-10)


def test_blocks_make_no_difference(monkeypatch):
    conv = pytest.importorskip("facula_numpy.conv")
    x, w, g = draw(3, 4, 9, 8), draw(6, 2, 3, 3, seed=1), draw(3, 6, 9, 8, seed=2)
    same = (1, 1), (1, 1), (1, 1)

    def all_three():
        return (
            conv.convolution(x, w, None, *same, False, (0, 0), 2),
            conv.convolution(g, w, None, *same, True, (0, 0), 2),
            conv.convolution_weight_grad(x, g, (3, 3), *same, 2),
        )

    whole = all_three()
    monkeypatch.setattr(conv, "BLOCK", 1000)
    for a, b in zip(whole, all_three()):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_infinite_pixels_stay_where_they_are():
    x = draw(1, 1, 4, 4)
    x[0, 0, 0, 3] = np.inf  # next, in memory, to the second row's first pixel
    w = facula.tensor(draw(1, 1, 2, 2), requires_grad=True)
    out = F.conv2d(facula.tensor(x), w)
    assert np.isfinite(out.detach().numpy()).sum() == 8
    (g,) = facula.autograd.grad(out[:, :, 1:], w, facula.ones(1, 1, 2, 3, dtype=facula.float64))
    assert np.isnan(g.numpy()).sum() == 1  # inf * 0, in the one kernel element that meets it


def test_same_padding_keeps_the_size():
    for kernel, dilation in ((2, 1), (3, 2), (4, 3)):
        x, w = facula.tensor(draw(1, 1, 9)), facula.tensor(draw(1, 1, kernel))
        assert F.conv1d(x, w, padding="same", dilation=dilation).shape == (1, 1, 9)


def test_unbatched_and_empty_batch():
    w = facula.tensor(draw(2, 3, 3, 3))
    assert F.conv2d(facula.tensor(draw(3, 5, 5)), w).shape == (2, 3, 3)
    x = facula.tensor(draw(0, 3, 5, 5), requires_grad=True)
    out = F.conv2d(x, w)
    assert out.shape == (0, 2, 3, 3)
    out.sum().backward()
    assert x.grad.shape == x.shape


REFUSED = [
    (dict(weight=(2, 4, 3, 3)), "expected input .* to have 4 channels, but got 3"),
    (dict(bias=(3,)), "expected bias to be 1-dimensional with 2"),
    (dict(input=(3, 5)), r"expected 3D \(unbatched\) or 4D \(batched\)"),
    (dict(input=(1, 3, 2, 2)), "kernel size can't be greater than actual input size"),
    (dict(stride=0), "stride must be at least 1"),
    (dict(padding=-1), "padding must be at least 0"),
    (dict(stride=(1, 1, 1)), "stride to be a single integer value or a list of 2"),
    (dict(padding="full"), "invalid padding string"),
    (dict(padding="same", stride=2), "not supported for strided"),
    (dict(groups=2), "divisible|channels"),
]


@pytest.mark.parametrize("change, message", REFUSED)
def test_errors_say_what_was_expected(change, message):
    shapes = {"input": (1, 3, 5, 5), "weight": (2, 3, 3, 3), "bias": (2,)}
    shapes |= {k: v for k, v in change.items() if k in shapes}
    tensors = {k: facula.tensor(draw(*s)) for k, s in shapes.items()}
    options = {k: v for k, v in change.items() if k not in shapes}
    with pytest.raises(RuntimeError, match=message):
        F.conv2d(**tensors, **options)


def test_output_padding_must_be_small():
    with pytest.raises(RuntimeError, match="output padding must be smaller"):
        F.conv_transpose1d(
            facula.tensor(draw(1, 1, 3)), facula.tensor(draw(1, 1, 2)), output_padding=1
        )
