"""Complex numbers: views, construction, gradients by the conjugate."""

from __future__ import annotations

import math

import pytest

import facula


def test_parts_are_views():
    z = facula.tensor([1 + 2j, 3 - 4j])
    z.real.mul_(10.0)
    assert z.tolist() == [10 + 2j, 30 - 4j]
    assert z.imag.tolist() == [2.0, -4.0]
    with pytest.raises(RuntimeError, match="imag"):
        facula.imag(facula.tensor([1.0]))


def test_view_as_complex_wants_pairs():
    assert facula.view_as_complex(facula.tensor([[1.0, 2.0]])).tolist() == [1 + 2j]
    with pytest.raises(RuntimeError, match="size 2"):
        facula.view_as_complex(facula.zeros(3))
    with pytest.raises(RuntimeError, match="complex tensor"):
        facula.view_as_real(facula.zeros(3))


def test_gradient_of_a_magnitude():
    z = facula.tensor([3 + 4j], requires_grad=True)
    (g,) = facula.autograd.grad(z.abs().sum(), z)
    assert abs(g.item() - (0.6 + 0.8j)) < 1e-6


def test_angle():
    assert facula.angle(facula.tensor([-1.0, 0.0, 2.0])).tolist() == [
        pytest.approx(math.pi),
        0.0,
        0.0,
    ]
    assert facula.angle(facula.tensor([1j])).tolist() == [pytest.approx(math.pi / 2)]
    assert facula.polar(facula.tensor([2.0]), facula.tensor([math.pi / 2])).imag.tolist() == [
        pytest.approx(2.0)
    ]
