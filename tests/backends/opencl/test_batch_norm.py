"""Batch normalisation and its gradient, both kernel families, against the NumPy device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import batch_norm

CPU = backend_for("cpu")
SHAPES = [(4, 3, 8, 8), (5, 7), (3, 2, 37), (2, 70, 4, 4), (1, 1, 1000), (3, 2, 2, 3, 5)]


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype) * 3 + 1


def check(xp: Any, got: Any, expected: Any) -> None:
    for a, b in zip(got, expected, strict=True):
        a, b = xp.to_numpy(a), np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        close = 3e-5 if a.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(a, b, rtol=close, atol=close * max(1, np.abs(b).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradient(xp: Any, shape: Any, affine: bool, dtype: Any) -> None:
    x, g = values(*shape, dtype=dtype), values(*shape[::-1], dtype=dtype).reshape(shape)
    w, b = (values(shape[1], dtype=dtype) if affine else None for _ in range(2))
    on = {id(a): None if a is None else xp.asarray(a) for a in (x, g, w, b)}
    expected = CPU.batch_norm_train(x, w, b, 1e-5)
    got = batch_norm.batch_norm_train(xp, on[id(x)], on[id(w)], on[id(b)], 1e-5)
    check(xp, got, expected)
    mean, var = (np.asarray(t) for t in expected[1:])
    moments = [xp.asarray(mean), xp.asarray(var)]
    got = batch_norm.batch_norm_gradient(xp, on[id(g)], on[id(x)], *moments, on[id(w)], 1e-5)
    check(xp, got, CPU.batch_norm_gradient(g, x, mean, var, w, 1e-5))
    got = batch_norm.batch_norm_eval(xp, on[id(x)], *moments, on[id(w)], on[id(b)], 1e-5)
    check(xp, [got], [CPU.batch_norm_eval(x, mean, var, w, b, 1e-5)])


def test_a_part_of_the_channels_of_a_larger_batch(xp: Any) -> None:
    x = values(6, 5, 4, 4)
    part = xp.slice(xp.asarray(x), 0, 2, 5, 1)
    check(
        xp,
        batch_norm.batch_norm_train(xp, part, None, None, 1e-5),
        CPU.batch_norm_train(x[2:5], None, None, 1e-5),
    )


def test_a_large_mean_does_not_drown_the_variance(xp: Any) -> None:
    x = values(16, 2, 100) + np.float32(10000)
    var = xp.to_numpy(batch_norm.batch_norm_train(xp, xp.asarray(x), None, None, 1e-5)[2])
    np.testing.assert_allclose(var, x.astype(np.float64).var((0, 2)), rtol=1e-3)


def test_nothing_and_integers_are_left_to_others(xp: Any) -> None:
    for x in (values(0, 3), np.ones((2, 3), np.int64)):
        assert batch_norm.batch_norm_train(xp, xp.asarray(x), None, None, 1e-5) is NotImplemented
