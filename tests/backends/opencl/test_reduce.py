"""Own reductions of contiguous float32 against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from facula_opencl.kernels import reduce

SHAPES = [
    ((40,), None), ((1,), None), ((3, 33), 1), ((3, 200_001), 1), ((70_000,), 0), ((5, 4099), (0, 1)), ((1_000_003,), ()),
    ((700, 37), 0), ((3, 300, 1030), 1), ((129, 32), 0), ((128, 33), 0), ((4, 5, 7, 9), (0, 2, 3)), ((6, 40, 5, 9), (0, 2, 3)),
    ((6, 40, 5, 1, 9), (2, 4)), ((40_000, 32), 0), ((2, 3, 64), (0, 1)), ((2, 1, 64), -1),
]  # fmt: skip
REFERENCES = {"sum": np.sum, "amax": np.max, "amin": np.min}


def values(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) + 0.5


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
@pytest.mark.parametrize("keepdim", [False, True])
def test_agrees_with_numpy(xp, name, shape, dim, keepdim):
    x = values(*shape)
    got = reduce.LEAVES[name](xp, xp.asarray(x), dim, keepdim)
    if got is NotImplemented:
        got = getattr(xp, name)(xp.asarray(x), dim, keepdim)
    axes = None if dim in (None, ()) else dim
    expected = REFERENCES[name](x.astype(np.float64), axes, keepdims=keepdim)
    assert got.shape == expected.shape
    scale = np.abs(x).sum(axes, keepdims=keepdim, dtype=np.float64)
    if name == "sum":
        assert (np.abs(xp.to_numpy(got) - expected) <= 1e-6 * scale).all()
    else:
        assert np.array_equal(xp.to_numpy(got), expected)


@pytest.mark.parametrize("shape", [(40,), (3, 200_001), (700, 37), (6, 40, 5, 9)])
def test_is_done_here(xp, shape):
    x = xp.asarray(values(*shape))
    assert reduce.sum(xp, x, 0) is not NotImplemented


def test_what_is_left_to_core(xp):
    x = xp.asarray(values(64, 64))
    assert reduce.sum(xp, xp.transpose(x, 0, 1)) is NotImplemented
    assert reduce.sum(xp, x, dtype=np.float64) is NotImplemented
    assert reduce.sum(xp, xp.asarray(np.ones((64, 64)))) is NotImplemented
    assert reduce.sum(xp, xp.asarray(values(400, 3)), 0) is NotImplemented
    assert reduce.sum(xp, xp.empty((0, 64), np.dtype(np.float32)), 0) is NotImplemented


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize(("shape", "dim"), [((100_000,), None), ((5, 100), 1), ((300, 40), 0)])
def test_nan_and_infinities(xp, name, shape, dim):
    x = values(*shape)
    x.flat[17], x.flat[80], x.flat[-1] = np.nan, np.inf, -np.inf
    got = xp.to_numpy(reduce.LEAVES[name](xp, xp.asarray(x), dim))
    assert np.array_equal(got, REFERENCES[name](x, dim), equal_nan=True)
    x = np.full(shape, -np.inf if name == "amax" else np.inf, np.float32)
    assert np.array_equal(xp.to_numpy(reduce.LEAVES[name](xp, xp.asarray(x), dim)), x.max(dim))


def test_offsets_and_products(xp):
    x = values(50, 64)
    part = xp.narrow(xp.asarray(x), 0, 7, 40)
    np.testing.assert_allclose(xp.to_numpy(reduce.sum(xp, part, 0)), x[7:47].sum(0), rtol=2e-6)
    np.testing.assert_allclose(xp.to_numpy(reduce.product(xp, part, 1)), x[7:47].prod(1), rtol=2e-5)


def test_sums_keep_their_digits_and_their_bits(xp):
    x = np.full(1 << 22, 0.1, np.float32)
    x[::7] = 3e-4
    on = xp.asarray(x)
    first = xp.to_numpy(reduce.sum(xp, on))
    assert abs(first / x.sum(dtype=np.float64) - 1) < 2e-7
    for _ in range(20):
        assert xp.to_numpy(reduce.sum(xp, on)) == first
