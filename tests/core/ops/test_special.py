"""Special functions against the standard library and known values."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula

POINTS = np.concatenate([np.linspace(-6, 6, 241), [1e-10, -1e-300, 20.0, -20.0]])


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_function(name):
    expected = [getattr(math, name)(x) for x in POINTS]
    np.testing.assert_allclose(
        getattr(facula, name)(facula.tensor(POINTS)).numpy(), expected, rtol=2e-14
    )
    single = getattr(facula, name)(facula.tensor(POINTS, dtype=facula.float32)).numpy()
    np.testing.assert_allclose(
        single, [getattr(math, name)(np.float32(x)) for x in POINTS], rtol=1e-6, atol=1e-37
    )


def test_lgamma():
    x = np.linspace(0.05, 60, 300)
    np.testing.assert_allclose(
        facula.lgamma(facula.tensor(x)).numpy(), [math.lgamma(v) for v in x], rtol=1e-13, atol=2e-14
    )
    negative = np.array([-0.5, -1.5, -7.3])
    np.testing.assert_allclose(
        facula.lgamma(facula.tensor(negative)).numpy(),
        [math.lgamma(v) for v in negative],
        rtol=1e-13,
    )
    assert facula.lgamma(facula.tensor([0.0, -1.0, math.inf])).tolist() == [math.inf] * 3


def test_erfinv_undoes_erf():
    x = np.linspace(-3, 3, 61)
    np.testing.assert_allclose(
        facula.erfinv(facula.erf(facula.tensor(x))).numpy(), x, rtol=1e-10, atol=1e-15
    )
    assert facula.erfinv(facula.tensor([-1.0, 1.0])).tolist() == [-math.inf, math.inf]
    assert math.isnan(facula.erfinv(facula.tensor(1.5)).item())


def test_digamma_and_polygamma():
    euler = 0.5772156649015329
    np.testing.assert_allclose(
        facula.digamma(facula.tensor(1.0, dtype=facula.float64)).item(), -euler, rtol=1e-14
    )
    trigamma = facula.polygamma(1, facula.tensor(1.0, dtype=facula.float64)).item()
    np.testing.assert_allclose(trigamma, math.pi**2 / 6, rtol=1e-14)
    with pytest.raises(RuntimeError, match="negative n"):
        facula.polygamma(-1, facula.tensor(1.0))


def test_log_ndtr_far_out():
    x = facula.tensor([-40.0], dtype=facula.float64, requires_grad=True)
    out = facula.special.log_ndtr(x)
    np.testing.assert_allclose(out.item(), -804.6084420137538, rtol=1e-13)
    (g,) = facula.autograd.grad(out.sum(), x)
    np.testing.assert_allclose(g.item(), 40.02496882, rtol=1e-8)


def test_xlogy_of_zero():
    assert facula.xlogy(facula.tensor([0.0, 0.0]), facula.tensor([0.0, 2.0])).tolist() == [0.0, 0.0]
    assert math.isnan(facula.xlogy(facula.tensor([0.0]), facula.tensor([math.nan])).item())


def test_bessel_functions_against_numpy():
    x = np.linspace(-30, 30, 61)
    np.testing.assert_allclose(facula.i0(facula.tensor(x)).numpy(), np.i0(x), rtol=1e-13)
