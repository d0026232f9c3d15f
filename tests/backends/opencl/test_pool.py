"""Pooling and its gradients, both kernel families, against the NumPy device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import pool

CPU = backend_for("cpu")
#: input, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 16, 16), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((3, 9, 7), (3, 2), (1, 2), (1, 0), (2, 1), True),
    ((1, 1, 40, 50), (3, 3), (1, 1), (1, 1), (1, 1), False),
    ((2, 2, 11), (3,), (2,), (1,), (1,), True),
    ((2, 2, 5, 6, 4), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 1, 1), True),
]


def values(*shape: int, dtype: Any = np.float32) -> Any:
    """Few values, so that windows hold equal ones."""
    return np.random.default_rng(sum(shape)).integers(-3, 3, shape).astype(dtype) / 4


def check(xp: Any, got: Any, expected: Any) -> None:
    out = xp.to_numpy(got)
    assert out.shape == expected.shape and out.dtype == expected.dtype
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_maximum(xp: Any, case: Any, dtype: Any) -> None:
    shape, *options = case
    x = values(*shape, dtype=dtype)
    expected = CPU.max_pool_with_indices(x, *options)
    got = pool.max_pool_with_indices(xp, xp.asarray(x), *options)
    for a, b in zip(got, expected, strict=True):
        check(xp, a, b)
    out = pool.max_pool(xp, xp.asarray(x), *options)
    check(xp, out, expected[0])
    g = values(*expected[0].shape, dtype=dtype)
    got = pool.max_pool_grad(xp, xp.asarray(g), xp.asarray(x), out, *options)
    check(xp, got, CPU.max_pool_grad(g, x, expected[0], *options))


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("divisor", [None, 7])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_mean(xp: Any, case: Any, include: bool, divisor: Any) -> None:
    shape, kernel, stride, padding, _, ceil_mode = case
    x, options = values(*shape), (kernel, stride, padding, ceil_mode, include, divisor)
    expected = CPU.avg_pool(x, *options)
    check(xp, pool.avg_pool(xp, xp.asarray(x), *options), expected)
    g, size = values(*expected.shape), shape[len(shape) - len(kernel) :]
    got = pool.avg_pool_grad(xp, xp.asarray(g), size, *options)
    check(xp, got, CPU.avg_pool_grad(g, size, *options))


def test_nan_is_the_maximum_and_minus_infinity_may_be(xp: Any) -> None:
    x = np.full((1, 4, 4), -np.inf, np.float32)
    x[0, 0, 1], x[0, 1, 0], x[0, 3, 3] = np.nan, np.nan, 5
    options = (2, 2), (2, 2), (0, 0), (1, 1), False
    got, places = pool.max_pool_with_indices(xp, xp.asarray(x), *options)
    np.testing.assert_array_equal(xp.to_numpy(got)[0], [[np.nan, -np.inf], [-np.inf, 5]])
    np.testing.assert_array_equal(xp.to_numpy(places)[0], [[1, 2], [8, 15]])


def test_a_view_and_what_is_left_to_others(xp: Any) -> None:
    x = values(4, 3, 8, 8)
    options = (2, 2), (2, 2), (0, 0), (1, 1), False
    part = xp.slice(xp.asarray(x), 0, 1, 4, 2)
    check(xp, pool.max_pool(xp, part, *options), CPU.max_pool(x[1:4:2], *options))
    whole = xp.asarray(np.ones((1, 4, 4), np.int64))
    assert pool.max_pool(xp, whole, *options) is NotImplemented
