"""Running sums, products and extrema."""

from __future__ import annotations

import numpy as np

import facula


def test_long_float32_running_sums_are_accurate():
    values = np.random.default_rng(0).random(1_000_000).astype(np.float32)
    got = facula.tensor(values).cumsum(0).numpy()
    exact = np.cumsum(values.astype(np.float64))
    assert np.max(np.abs(got - exact) / exact) < 1e-6


def test_gradient_of_cumprod_with_zeros():
    x = facula.tensor([2.0, 0.0, 3.0, 0.0], requires_grad=True)
    x.cumprod(0).sum().backward()
    assert x.grad.tolist() == [1, 8, 0, 0]


def test_running_maxima_name_the_last_of_equal_ones():
    values, indices = facula.tensor([1.0, 3.0, 3.0, 2.0]).cummax(0)
    assert values.tolist() == [1, 3, 3, 3]
    assert indices.tolist() == [0, 1, 2, 2]


def test_logcumsumexp_of_infinities_and_of_large_numbers():
    inf = float("inf")
    assert facula.tensor([-inf, -inf]).logcumsumexp(0).tolist() == [-inf, -inf]
    np.testing.assert_allclose(
        facula.tensor([1000.0, 1000.0]).logcumsumexp(0).numpy(), [1000, 1000 + np.log(2)]
    )
