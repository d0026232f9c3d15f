"""Convolution, its adjoint and its weight's gradient, both kernel families, against the NumPy device."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import conv, tile

CPU = backend_for("cpu")
#: input, weight (as the plain convolution has it), stride, padding, dilation, groups
CASES = [
    ((2, 3, 8, 8), (5, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 4, 32, 32), (7, 4, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 8, 16, 16), (16, 8, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((2, 3, 17, 16), (8, 3, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((5, 6, 9, 7), (4, 3, 3, 2), (2, 1), (2, 1), (1, 2), 2),
    ((2, 5, 7, 7), (6, 5, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((2, 40, 4, 4), (70, 40, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 64, 8, 8), (13, 64, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((1, 1, 40, 36), (1, 1, 7, 7), (1, 1), (3, 3), (1, 1), 1),
    ((2, 6, 10, 12), (6, 1, 3, 3), (1, 1), (1, 1), (1, 1), 6),
    ((2, 3, 15, 18), (4, 3, 3, 3), (3, 2), (0, 2), (2, 3), 1),
    ((2, 2, 30), (3, 2, 5), (2,), (3,), (2,), 1),
    ((2, 2, 5, 6, 7), (4, 2, 2, 3, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), 1),
    ((1, 2, 3, 3), (2, 2, 3, 3), (1, 1), (4, 4), (1, 1), 1),
    ((1, 3, 64, 64), (4, 3, 2, 2), (4, 4), (0, 0), (1, 1), 1),
    ((20, 3, 6, 6), (40, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
]


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def check(got: Any, expected: Any, xp: Any, terms: int) -> None:
    out = xp.to_numpy(got)
    assert out.shape == expected.shape and out.dtype == expected.dtype
    each = 1e-5 if out.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(out, expected, rtol=0, atol=each * (1 + terms**0.5))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_convolution(xp: Any, case: Any, dtype: Any) -> None:
    shape, kernel, stride, padding, dilation, groups = case
    x, w, b = (values(*s, dtype=dtype) for s in (shape, kernel, kernel[:1]))
    zeros = (0,) * len(stride)
    options = stride, padding, dilation, False, zeros, groups
    for bias in (None, b):
        expected = CPU.convolution(x, w, bias, *options)
        device = [None if a is None else xp.asarray(a) for a in (x, w, bias)]
        check(conv.convolution(xp, *device, *options), expected, xp, prod(kernel[1:]))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_gradients(xp: Any, case: Any, dtype: Any) -> None:
    shape, kernel, stride, padding, dilation, groups = case
    x, w = values(*shape, dtype=dtype), values(*kernel, dtype=dtype)
    zeros = (0,) * len(stride)
    out = CPU.convolution(x, w, None, stride, padding, dilation, False, zeros, groups)
    g = values(*out.shape, dtype=dtype)
    each = zip(shape[2:], out.shape[2:], kernel[2:], stride, padding, dilation)
    more = tuple(n - ((o - 1) * s - 2 * p + (k - 1) * d + 1) for n, o, k, s, p, d in each)
    for bias in (None, values(shape[1], dtype=dtype)):
        options = stride, padding, dilation, True, more, groups
        device = [None if a is None else xp.asarray(a) for a in (g, w, bias)]
        got = conv.convolution(xp, *device, *options)
        check(got, CPU.convolution(g, w, bias, *options), xp, prod(kernel))
    options = kernel[2:], stride, padding, dilation, groups
    got = conv.convolution_weight_grad(xp, xp.asarray(x), xp.asarray(g), *options)
    expected = CPU.convolution_weight_grad(x, g, *options)
    check(got, expected, xp, 4 * g.size // g.shape[1])


def test_non_contiguous_operands_and_offsets(xp: Any) -> None:
    x, w = values(4, 6, 9, 9), values(5, 6, 3, 3)
    part = xp.slice(xp.asarray(x), 0, 1, 3, 1)
    options = (1, 1), (1, 1), (1, 1), False, (0, 0), 1
    got = conv.convolution(xp, part, xp.asarray(w), None, *options)
    check(got, CPU.convolution(x[1:3], w, None, *options), xp, 54)


def test_an_infinite_border_reaches_its_neighbours_alone(xp: Any) -> None:
    x, w = values(1, 1, 16, 16), values(1, 1, 3, 3)
    x[0, 0, 5, 15] = np.inf
    options = (1, 1), (1, 1), (1, 1), False, (0, 0), 1
    out = xp.to_numpy(conv.convolution(xp, xp.asarray(x), xp.asarray(w), None, *options))[0, 0]
    near = np.zeros((16, 16), bool)
    near[4:7, 14:16] = True
    assert (np.isfinite(out) == ~near).all()


def test_empty_and_integer_operands_are_left_to_others(xp: Any) -> None:
    options = (1,), (0,), (1,), False, (0,), 1
    empty, some = xp.asarray(values(0, 2, 5)), xp.asarray(values(3, 2, 2))
    assert conv.convolution(xp, empty, some, None, *options) is NotImplemented
    whole = xp.asarray(np.ones((1, 2, 5), np.int64))
    assert conv.convolution(xp, whole, whole, None, *options) is NotImplemented


@pytest.mark.parametrize("case", CASES[:6], ids=str)
def test_a_processor_with_few_registers(monkeypatch: Any, case: Any) -> None:
    monkeypatch.setattr(tile, "has_wide_registers", lambda xp: False)
    xp = backend_for("opencl")
    monkeypatch.setattr(xp, "is_cpu", True)
    test_gradients(xp, case, np.float32)
    test_convolution(xp, case, np.float32)
