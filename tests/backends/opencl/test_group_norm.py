"""Group norm and RMS norm's gradient, both kernel families, against the NumPy device."""

from __future__ import annotations

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import group_norm, layer_norm

CPU = backend_for("cpu")


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 2 + 1


def check(xp, got, expected):
    for a, b in zip(got, expected, strict=True):
        a, b = xp.to_numpy(a), np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("affine", ["weight and bias", "weight", "none"])
@pytest.mark.parametrize(
    ("shape", "groups"),
    [((2, 6, 5, 7), 3), ((3, 4, 33), 4), ((5, 8), 2), ((1, 2, 40, 40), 1), ((9, 32, 4, 4), 8)],
)
def test_group_norm(xp, shape, groups, affine):
    x, g = values(*shape), values(*shape, seed=1)
    w = None if affine == "none" else values(shape[1], seed=2)
    b = values(shape[1], seed=3) if affine == "weight and bias" else None
    on_x, on_g, on_w, on_b = (None if t is None else xp.asarray(t) for t in (x, g, w, b))
    expected = CPU.group_norm_fused(x, w, b, groups, 1e-5)
    check(xp, group_norm.group_norm_fused(xp, on_x, on_w, on_b, groups, 1e-5), expected)
    mean, rstd = (np.asarray(t) for t in expected[1:])
    got = group_norm.group_norm_gradient(xp, on_g, on_x, xp.asarray(mean), xp.asarray(rstd), on_w)
    check(xp, got, CPU.group_norm_gradient(g, x, mean, rstd, w))


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("shape", [(7, 5), (40, 100), (2, 3, 33)])
def test_rms_norm_gradient(xp, shape, weighted):
    x, g, w = (
        values(*shape),
        values(*shape, seed=1),
        values(shape[-1], seed=2) if weighted else None,
    )
    rrms = np.asarray(CPU.rms_norm_fused(x, w, 1, 1e-5)[1])
    on_w = None if w is None else xp.asarray(w)
    got = layer_norm.rms_norm_gradient(xp, xp.asarray(g), xp.asarray(x), on_w, xp.asarray(rrms), 1)
    check(xp, got, CPU.rms_norm_gradient(g, x, w, rrms, 1))


def test_what_these_kernels_do_not_take(xp):
    x = xp.asarray(np.ones((2, 4, 3)))
    assert group_norm.group_norm_fused(xp, x, None, None, 2, 1e-5) is NotImplemented
    with pytest.raises(RuntimeError, match="divisible by num_groups"):
        group_norm.group_norm_fused(xp, xp.asarray(values(2, 4, 3)), None, None, 3, 1e-5)
