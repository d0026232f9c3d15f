"""Comparison, extremes, clamping, choosing."""

from __future__ import annotations

import math

import pytest

import facula


def test_extremes_let_nan_through_and_share_ties():
    a = facula.tensor([1.0, math.nan, 3.0], requires_grad=True)
    b = facula.tensor([1.0, 2.0, 1.0])
    out = facula.maximum(a, b)
    assert out.tolist()[0] == 1.0 and math.isnan(out.tolist()[1])
    assert facula.fmax(a, b).tolist() == [1.0, 2.0, 3.0]
    (g,) = facula.autograd.grad(out, a, facula.ones(3))
    assert g.tolist()[0] == 0.5 and g.tolist()[2] == 1.0


def test_clamp_passes_gradient_at_its_bounds():
    x = facula.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    (g,) = facula.autograd.grad(x.clamp(-1, 1).sum(), x)
    assert g.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    with pytest.raises(RuntimeError, match="at least one"):
        x.clamp()


def test_where_takes_numbers_and_hides_infinities():
    x = facula.tensor([0.0, 4.0], requires_grad=True)
    out = facula.where(x > 0, x.sqrt(), 0.0)
    (g,) = facula.autograd.grad(out.sum(), x)
    assert g.tolist()[1] == 0.25
    assert facula.where(facula.tensor([True, False]), 1, 2).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="boolean"):
        facula.where(facula.tensor([1.0]), x, x)


def test_equal_and_allclose_are_python_bools():
    a = facula.tensor([1.0, math.inf])
    assert facula.equal(a, a) is True
    assert facula.equal(a, facula.tensor([1.0])) is False
    assert facula.allclose(a, a + 1e-9) is True
    with pytest.raises(RuntimeError, match="one dtype"):
        facula.allclose(a, a.double())
