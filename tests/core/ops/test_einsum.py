"""einsum and tensordot against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import facula

SHAPES = {
    "ij,jk->ik": [(2, 3), (3, 4)], "ij,jk": [(2, 3), (3, 4)], "bij,bkj->bik": [(2, 3, 4), (2, 5, 4)],
    "ii": [(3, 3)], "ii->i": [(3, 3)], "iij->j": [(3, 3, 2)], "i,j->ij": [(2,), (3,)], "ij->": [(2, 3)],
    "...ij,...jk->...ik": [(2, 3, 4), (4, 5)], "abc,bd,dc->ad": [(2, 3, 4), (3, 5), (5, 4)], "i...->...": [(2, 3)],
}  # fmt: skip


@pytest.mark.parametrize("equation", SHAPES)
def test_against_numpy(equation):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in SHAPES[equation]]
    got = facula.einsum(equation, *map(facula.tensor, arrays))
    np.testing.assert_allclose(got.numpy(), np.einsum(equation, *arrays), atol=1e-12)


def test_lists_of_labels():
    x, y = facula.ones(2, 3), facula.ones(3, 4)
    assert facula.einsum(x, [0, 1], y, [1, 2], [0, 2]).shape == (2, 4)


@pytest.mark.parametrize("equation", ["ij,jk->iz", "ijk,jk->i", "ij,jk->ii", "ij->ij"])
def test_bad_equations(equation):
    with pytest.raises(RuntimeError, match="einsum"):
        facula.einsum(equation, facula.ones(2, 3), facula.ones(3, 4))


def test_tensordot_checks_sizes():
    with pytest.raises(RuntimeError, match="contracted dimensions"):
        facula.tensordot(facula.ones(2, 3), facula.ones(4, 2), 1)
