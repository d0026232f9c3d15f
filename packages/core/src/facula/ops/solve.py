"""Inverse, solution of linear systems, determinants and the Cholesky decomposition."""

from __future__ import annotations

from typing import Any

from facula.dtypes import is_complex
from facula.ops._op import Namespace, Tensor, host_op, op
from facula.ops.dims import broadcast_shapes
from facula.ops.matrices import (
    check_matrix,
    check_square,
    draw_hermitian,
    draw_square,
    identity,
    lower_part,
    mH,
    mT,
    upper_part,
)
from facula.ops.rules import real_dtype, same
from facula.testing.samples import call


@host_op(shape=same, promote="float")
def linalg_inv(xp: Namespace, A: Tensor) -> Tensor:
    """Inverse of square matrices. Raises LinAlgError (a RuntimeError) for a singular one."""


@linalg_inv.public
def linalg_inv(A: Any) -> Any:
    check_square("linalg.inv", A)
    return linalg_inv.call(A)


linalg_inv.vjp(A=lambda xp, g, out: -xp.matmul(mT(xp, out), xp.matmul(g, mT(xp, out))))


@op
def inverse(xp: Namespace, input: Tensor) -> Tensor:
    """Inverse of square matrices (see `linalg.inv`)."""
    check_square("inverse", input)
    return xp.linalg_inv(input)


@op(outputs=("inverse", "info"))
def linalg_inv_ex(xp: Namespace, A: Tensor, check_errors: bool = False) -> Tensor:
    """(inverse, info); info is 0 throughout, for a singular matrix raises."""
    check_square("linalg.inv_ex", A)
    return xp.linalg_inv(A), xp.full(A.shape[:-2], 0, "int32")


def _inverse_samples(make: Any) -> Any:
    yield call(draw_square(make))
    yield call(draw_square(make, 2))
    yield call(make(0, 2, 2))
    yield call(draw_square(make, dtype="complex128"))


for _op in (linalg_inv, inverse, linalg_inv_ex):
    _op.sample(_inverse_samples)


def _solve_shape(A: Any, B: Any) -> tuple[int, ...]:
    return (*broadcast_shapes(A.shape[:-2], B.shape[:-2]), *B.shape[-2:])


@host_op(shape=_solve_shape, promote="common", method=False)
def solve_matrices(xp: Namespace, A: Tensor, B: Tensor) -> Tensor:
    """X with A X = B, for matrices (and batches of them)."""


solve_matrices.vjp(
    B=lambda xp, g, A: xp.solve_matrices(mT(xp, A), g),
    A=lambda xp, g, A, out: -xp.matmul(xp.solve_matrices(mT(xp, A), g), mT(xp, out)),
)


def is_vector(A: Any, B: Any) -> bool:
    """Whether PyTorch takes B as (a batch of) vectors: 1-D, or of the shape of A less one dimension."""
    return len(B.shape) == 1 or (
        len(A.shape) - 1 == len(B.shape) and tuple(B.shape) == tuple(A.shape[:-1])
    )


@op
def linalg_solve(xp: Namespace, A: Tensor, B: Tensor, left: bool = True) -> Tensor:
    """X with A X = B (`left`), or X A = B; B holds vectors or matrices."""
    check_square("linalg.solve", A)
    if is_vector(A, B) and left:
        return xp.squeeze(_solved(xp, A, xp.unsqueeze(B, -1)), -1)
    if len(B.shape) < 2:
        raise RuntimeError(
            f"linalg.solve: B of shape {tuple(B.shape)} holds no matrices, which left=False needs"
        )
    return _solved(xp, A, B) if left else mT(xp, _solved(xp, mT(xp, A), mT(xp, B)))


def _solved(xp: Namespace, A: Any, B: Any) -> Any:
    if A.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"linalg.solve: A {tuple(A.shape)} and B {tuple(B.shape)} have different numbers of rows"
        )
    return xp.solve_matrices(A, B)


@linalg_solve.public
def linalg_solve(A: Any, B: Any, *, left: bool = True) -> Any:
    return linalg_solve.call(A, B, left)


@op(outputs=("result", "info"))
def linalg_solve_ex(
    xp: Namespace, A: Tensor, B: Tensor, left: bool = True, check_errors: bool = False
) -> Tensor:
    """(solution, info); info is 0 throughout, for a singular matrix raises."""
    return xp.linalg_solve(A, B, left), xp.full(A.shape[:-2], 0, "int32")


@linalg_solve_ex.public
def linalg_solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    return linalg_solve_ex.call(A, B, left, check_errors)


for _op in (linalg_solve, linalg_solve_ex):
    _op.sample(
        lambda make: [
            call(draw_square(make), make(3)),
            call(draw_square(make, 2), make(3, 2)),
            call(draw_square(make, 2), make(2, 3)),
            call(draw_square(make), make(2, 3), left=False),
            call(draw_square(make, dtype="complex128"), make(3, 1, dtype="complex128")),
        ]
    )


@op
def linalg_solve_triangular(
    xp: Namespace, A: Tensor, B: Tensor, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with A X = B (or X A = B) for triangular A, of which the other triangle is not read."""
    check_square("linalg.solve_triangular", A)
    check_matrix("linalg.solve_triangular", B)
    if (B.shape[-2] if left else B.shape[-1]) != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve_triangular: Incompatible shapes of A {tuple(A.shape)} and B {tuple(B.shape)}"
        )
    A = upper_part(xp, A) if upper else lower_part(xp, A)
    if unitriangular:
        eye = identity(xp, A.shape[-1], A.dtype)
        A = xp.where(xp.ne(eye, 0), eye, A)
    return xp.solve_matrices(A, B) if left else mT(xp, xp.solve_matrices(mT(xp, A), mT(xp, B)))


@linalg_solve_triangular.public
def linalg_solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    return linalg_solve_triangular.call(A, B, upper, left, unitriangular)


linalg_solve_triangular.sample(
    lambda make: [
        call(draw_square(make), make(3, 2), upper=True),
        call(draw_square(make, 2), make(3, 1), upper=False, unitriangular=True),
        call(draw_square(make), make(2, 3), upper=False, left=False),
    ]
)


@op(outputs=("solution", "cloned_coefficient"))
def triangular_solve(
    xp: Namespace,
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Tensor:
    """(X, A) with A X = b for triangular A, or A^T X = b."""
    check_square("triangular_solve", A)
    if len(b.shape) < 2:
        raise RuntimeError(
            f"torch.triangular_solve: Expected b to have at least 2 dimensions, got {tuple(b.shape)}"
        )
    matrix = mT(xp, A) if transpose else A
    is_upper = upper != transpose
    return xp.linalg_solve_triangular(matrix, b, is_upper, True, unitriangular), xp.clone(A)


triangular_solve.sample(
    lambda make: [
        call(make(3, 2), draw_square(make)),
        call(make(3, 2), draw_square(make), upper=False, transpose=True),
    ]
)

# ---- determinants


def _det_shapes(A: Any) -> Any:
    return A.shape[:-2], A.shape[:-2]


@host_op(
    promote="float", outputs=("sign", "logabsdet"), shape=_det_shapes, holomorphic=False,
    dtype=lambda A: (A.dtype, real_dtype(A)),
)  # fmt: skip
def linalg_slogdet(xp: Namespace, A: Tensor) -> Tensor:
    """(sign, logarithm of the magnitude) of the determinant of square matrices."""


def _slogdet_rule(xp: Namespace, g: Any, A: Any, sign: Any) -> Any:
    """d logabsdet = Re tr(A^-1 dA); d sign = i sign Im tr(A^-1 dA)."""
    scale = None if g[1] is None else (xp.cast(g[1], A.dtype) if is_complex(A.dtype) else g[1])
    if g[0] is not None and is_complex(A.dtype):
        part = xp.imag(xp.conj(sign) * g[0]) * 1j
        scale = part if scale is None else scale + part
    if scale is None:
        return xp.full(A.shape, 0, A.dtype)
    scale = xp.unsqueeze(xp.unsqueeze(scale, -1), -1)
    return mH(xp, xp.linalg_inv(A)) * scale


linalg_slogdet.vjp(A=_slogdet_rule)


@linalg_slogdet.public
def linalg_slogdet(A: Any) -> Any:
    check_square("linalg.slogdet", A)
    return linalg_slogdet.call(A)


linalg_slogdet.alias_as("slogdet")


@host_op(promote="float", shape=lambda A: A.shape[:-2])
def linalg_det(xp: Namespace, A: Tensor) -> Tensor:
    """Determinant of square matrices."""


@linalg_det.public
def linalg_det(A: Any) -> Any:
    check_square("linalg.det", A)
    return linalg_det.call(A)


def _det_rule(xp: Namespace, g: Any, A: Any) -> Any:
    """g times the transposed adjugate; by singular values, so that singular matrices get theirs as well."""
    return xp.unsqueeze(xp.unsqueeze(g, -1), -1) * mT(xp, _adjugate(xp, A))


def _adjugate(xp: Namespace, A: Any) -> Any:
    """From the minors of the matrix: n^2 determinants of size n - 1, in one batch (n is small in practice)."""
    n = A.shape[-1]
    if n == 0:
        return A
    if n > 8:
        out = xp.linalg_det(A)
        return xp.linalg_inv(A) * xp.unsqueeze(xp.unsqueeze(out, -1), -1)
    rows = [[_without(xp, _without(xp, A, -2, i), -1, j) for j in range(n)] for i in range(n)]
    minors = [
        [xp.linalg_det(m) * (-1.0) ** (i + j) for j, m in enumerate(row)]
        for i, row in enumerate(rows)
    ]
    columns = [stacked(xp, [minors[i][j] for i in range(n)]) for j in range(n)]
    return xp.join(tuple(xp.unsqueeze(c, -2) for c in columns), len(A.shape) - 2)


def stacked(xp: Namespace, parts: Any) -> Any:
    ndim = len(parts[0].shape)
    return xp.join(tuple(xp.unsqueeze(p, -1) for p in parts), ndim)


def _without(xp: Namespace, A: Any, dim: int, i: int) -> Any:
    at, n = len(A.shape) + dim, A.shape[dim]
    return xp.join((xp.slice(A, at, 0, i, 1), xp.slice(A, at, i + 1, n, 1)), at)


linalg_det.vjp(A=_det_rule)
linalg_det.alias_as("det")


@op
def logdet(xp: Namespace, input: Tensor) -> Tensor:
    """Logarithm of the determinant; NaN where it is negative."""
    check_square("logdet", input)
    sign, size = xp.linalg_slogdet(input)
    if is_complex(sign.dtype):
        return xp.cast(size, sign.dtype) + xp.log(sign)
    return xp.where(xp.lt(sign, 0), float("nan"), size)


logdet.vjp(
    input=lambda xp, g, input: xp.unsqueeze(xp.unsqueeze(g, -1), -1) * mT(xp, xp.linalg_inv(input))
)


def _det_samples(make: Any) -> Any:
    yield call(draw_square(make))
    yield call(draw_square(make, 2))
    yield call(draw_square(make, dtype="complex128"))


for _op in (linalg_slogdet, linalg_det, logdet):
    _op.sample(_det_samples)

# ---- Cholesky


@host_op(shape=same, promote="float", holomorphic=False, method=False)
def cholesky_lower(xp: Namespace, input: Tensor) -> Tensor:
    """Lower-triangular L with L L^H = `input`, of which the lower triangle is read."""


def _cholesky_rule(xp: Namespace, g: Any, out: Any) -> Any:
    """Murray, "Differentiation of the Cholesky decomposition" (2016): symmetrised L^-H phi(L^H g) L^-1."""
    phi = lower_part(xp, xp.matmul(mH(xp, out), g))
    symmetric = (phi + mH(xp, lower_part(xp, phi, -1))) * 0.5
    inverse = xp.linalg_inv(out)
    return xp.matmul(mH(xp, inverse), xp.matmul(symmetric, inverse))


cholesky_lower.vjp(input=_cholesky_rule)


@op
def linalg_cholesky(xp: Namespace, A: Tensor, upper: bool = False) -> Tensor:
    """Cholesky factor of Hermitian positive-definite matrices: A = L L^H, or U^H U with `upper`.

    Raises LinAlgError where a matrix is not positive-definite.
    """
    check_square("linalg.cholesky", A)
    if upper:
        return mH(xp, xp.cholesky_lower(mH(xp, A)))
    return xp.cholesky_lower(A)


@linalg_cholesky.public
def linalg_cholesky(A: Any, *, upper: bool = False) -> Any:
    return linalg_cholesky.call(A, upper)


@op
def cholesky(xp: Namespace, input: Tensor, upper: bool = False) -> Tensor:
    """Cholesky factor (see `linalg.cholesky`)."""
    return xp.linalg_cholesky(input, upper)


@op(outputs=("L", "info"))
def linalg_cholesky_ex(
    xp: Namespace, A: Tensor, upper: bool = False, check_errors: bool = False
) -> Tensor:
    """(factor, info); info is 0 throughout, for a matrix that is not positive-definite raises."""
    return xp.linalg_cholesky(A, upper), xp.full(A.shape[:-2], 0, "int32")


@linalg_cholesky_ex.public
def linalg_cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    return linalg_cholesky_ex.call(A, upper, check_errors)


@op
def cholesky_solve(xp: Namespace, B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with (L L^H) X = B, from a Cholesky factor (U^H U with `upper`)."""
    check_square("cholesky_solve", L)
    check_matrix("cholesky_solve", B)
    factor = mH(xp, upper_part(xp, L)) if upper else lower_part(xp, L)
    return xp.solve_matrices(mH(xp, factor), xp.solve_matrices(factor, B))


@op
def cholesky_inverse(xp: Namespace, L: Tensor, upper: bool = False) -> Tensor:
    """Inverse of L L^H (of U^H U with `upper`), from a Cholesky factor."""
    check_square("cholesky_inverse", L)
    factor = mH(xp, upper_part(xp, L)) if upper else lower_part(xp, L)
    inverse = xp.linalg_inv(factor)
    return xp.matmul(mH(xp, inverse), inverse)


def _cholesky_samples(make: Any) -> Any:
    import numpy as np

    for dtype, lead in (("float64", ()), ("float64", (2,)), ("complex128", ())):
        values = np.linalg.cholesky(draw_hermitian(make, *lead, dtype=dtype).values)
        yield call(make.of(values @ values.conj().swapaxes(-1, -2)))


for _op in (cholesky, linalg_cholesky, linalg_cholesky_ex):
    _op.sample(_cholesky_samples)
cholesky_solve.sample(
    lambda make: [call(make(3, 2), draw_square(make)), call(make(2, 3, 1), draw_square(make), True)]
)
cholesky_inverse.sample(lambda make: [call(draw_square(make)), call(draw_square(make), upper=True)])
