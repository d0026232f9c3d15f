"""Products, norms and decompositions: shapes, errors, what they must satisfy."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula


def random(*shape):
    return facula.tensor(np.random.default_rng(0).normal(size=shape))


def test_matmul_of_vectors_and_batches():
    assert (random(3) @ random(3)).shape == ()
    assert (random(2, 3) @ random(3)).shape == (2,)
    assert (random(4, 1, 2, 3) @ random(5, 3, 2)).shape == (4, 5, 2, 2)
    assert (random(0, 3) @ random(3, 2)).shape == (0, 2)
    assert (random(2, 0) @ random(0, 2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    "a, b", [((2, 3), (2, 3)), ((3,), (2,)), ((), (2,)), ((2, 2, 3), (3, 3, 2))]
)
def test_matmul_refuses_what_does_not_fit(a, b):
    with pytest.raises(RuntimeError, match="matmul"):
        random(*a) @ random(*b)


def test_addmm_ignores_its_input_with_beta_0():
    nan = facula.full((2, 2), math.nan, dtype=facula.float64)
    assert not facula.addmm(nan, random(2, 3), random(3, 2), beta=0).isnan().any()


def test_singular_matrix():
    with pytest.raises(facula.linalg.LinAlgError, match=r"linalg\.inv"):
        facula.linalg.inv(facula.zeros(2, 2))
    with pytest.raises(RuntimeError, match="square"):
        facula.linalg.inv(facula.zeros(2, 3))


def test_solve_and_its_gradient():
    a, b = random(3, 3).requires_grad_(), random(3, 2).requires_grad_()
    x = facula.linalg.solve(a, b)
    assert facula.allclose(a @ x, b)
    facula.autograd.gradcheck(facula.linalg.solve, (a, b))


def test_eigenvectors_of_a_symmetric_matrix():
    a = random(2, 4, 4)
    a = a + a.mT
    values, vectors = facula.linalg.eigh(a)
    assert facula.allclose(vectors * values.unsqueeze(-2) @ vectors.mT, a)


def test_svd_gradient_through_the_singular_values():
    facula.autograd.gradcheck(lambda a: facula.linalg.svdvals(a), (random(3, 4).requires_grad_(),))
    facula.autograd.gradcheck(
        lambda a: facula.linalg.svd(a, full_matrices=False).U.abs(),
        (random(4, 3).requires_grad_(),),
    )


def test_qr_gradient_of_wide_and_tall():
    for shape in ((4, 3), (3, 4), (3, 3)):
        facula.autograd.gradcheck(facula.linalg.qr, (random(*shape).requires_grad_(),))


def test_determinant_of_a_singular_matrix_has_a_gradient():
    a = facula.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=facula.float64, requires_grad=True)
    (g,) = facula.autograd.grad(facula.linalg.det(a), a)
    np.testing.assert_allclose(g.numpy(), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-12)


def test_norm_at_zero_has_a_subgradient():
    x = facula.zeros(3, requires_grad=True)
    (g,) = facula.autograd.grad(facula.linalg.norm(x), x)
    assert g.tolist() == [0.0, 0.0, 0.0]


def test_matrix_norms():
    a = facula.tensor([[1.0, -2.0], [3.0, 4.0]])
    assert facula.linalg.matrix_norm(a, 1).item() == 6.0
    assert facula.linalg.matrix_norm(a, math.inf).item() == 7.0
    np.testing.assert_allclose(facula.linalg.matrix_norm(a).item(), math.sqrt(30), rtol=1e-6)
    with pytest.raises(RuntimeError, match="not supported"):
        facula.linalg.matrix_norm(a, 3)


def test_empty_batches():
    assert facula.linalg.inv(facula.zeros(0, 2, 2)).shape == (0, 2, 2)
    assert facula.linalg.det(facula.zeros(2, 0, 0)).tolist() == [1.0, 1.0]
    assert facula.linalg.solve(facula.zeros(0, 2, 2), facula.zeros(0, 2, 1)).shape == (0, 2, 1)
