"""Decompositions of matrices, and what is solved with them. LAPACK on the host does the work.

Gradients follow M. Giles, "An extended collection of matrix derivative results" (2008), and for the
complex case M. Seeger et al., "Auto-differentiating linear algebra" (2017).
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import B8, I64, as_dtype, category, float64, is_complex
from facula.ops._op import Namespace, Tensor, host_op, op
from facula.ops.complex import complex_dtype
from facula.ops.dims import broadcast_shapes
from facula.ops.rules import real_dtype, same
from facula.testing.samples import call

# ---- checks, and small helpers of the rules


class LinAlgError(RuntimeError):
    """A matrix has no such decomposition: it is singular, or an iteration did not converge."""


def check_square(name: str, A: Any) -> None:
    check_matrix(name, A)
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )


def check_matrix(name: str, A: Any) -> None:
    if len(A.shape) < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, its shape is {tuple(A.shape)}"
        )
    if category(A.dtype) < 2:
        raise RuntimeError(
            f"{name}: expected a floating-point or complex tensor as input, got {A.dtype}"
        )


def mT(xp: Namespace, x: Any) -> Any:
    return xp.transpose(x, -1, -2)


def mH(xp: Namespace, x: Any) -> Any:
    """Conjugate transpose."""
    t = xp.transpose(x, -1, -2)
    return xp.conj(t) if is_complex(t.dtype) else t


def _eye(xp: Namespace, n: int, dtype: Any) -> Any:
    at = xp.sequence(0, 1, n, I64)
    return xp.cast(xp.eq(xp.unsqueeze(at, 0), xp.unsqueeze(at, 1)), dtype)


def _lower(xp: Namespace, x: Any, offset: int = 0) -> Any:
    """`x` with zeros above its diagonal number `offset`."""
    return xp.where(_at_or_below(xp, x, offset), x, 0.0)


def _upper(xp: Namespace, x: Any) -> Any:
    return mT(xp, _lower(xp, mT(xp, x)))


def _at_or_below(xp: Namespace, x: Any, offset: int) -> Any:
    rows = xp.unsqueeze(xp.sequence(0, 1, x.shape[-2], I64), 1)
    columns = xp.unsqueeze(xp.sequence(0, 1, x.shape[-1], I64), 0)
    return xp.le(columns, rows + offset)


def _diagonal(xp: Namespace, x: Any) -> Any:
    """The main diagonals as vectors."""
    k = min(x.shape[-2:])
    square = x
    if x.shape[-1] != k:
        square = xp.slice(x, len(x.shape) - 1, 0, k, 1)
    if x.shape[-2] != k:
        square = xp.slice(x, len(x.shape) - 2, 0, k, 1)
    return xp.sum(square * _eye(xp, k, x.dtype), -1)


def _columns(xp: Namespace, x: Any, k: int) -> Any:
    return xp.slice(x, len(x.shape) - 1, 0, k, 1)


def _lead(*arrays: Any) -> tuple[int, ...]:
    return broadcast_shapes(*(x.shape[:-2] for x in arrays))


# ---- inverse and solution


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


def _square(make: Any, *lead: int, dtype: str = "float64") -> Any:
    """Well-conditioned square matrices of size 3."""
    import numpy as np

    draw = make(*lead, 3, 3, dtype=dtype)
    return draw._replace(values=draw.values + 4 * np.eye(3))


def _hermitian(make: Any, *lead: int, dtype: str = "float64", grad: bool = True) -> Any:
    import numpy as np

    a = make(*lead, 3, 3, dtype=dtype).values
    return make.of(a @ a.conj().swapaxes(-1, -2) + np.diag([1.0, 3.0, 6.0]), grad=grad)


def _inverse_samples(make: Any) -> Any:
    yield call(_square(make))
    yield call(_square(make, 2))
    yield call(make(0, 2, 2))
    yield call(_square(make, dtype="complex128"))


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


def _is_vector(A: Any, B: Any) -> bool:
    """Whether PyTorch takes B as (a batch of) vectors: 1-D, or of the shape of A less one dimension."""
    return len(B.shape) == 1 or (
        len(A.shape) - 1 == len(B.shape) and tuple(B.shape) == tuple(A.shape[:-1])
    )


@op
def linalg_solve(xp: Namespace, A: Tensor, B: Tensor, left: bool = True) -> Tensor:
    """X with A X = B (`left`), or X A = B; B holds vectors or matrices."""
    check_square("linalg.solve", A)
    if _is_vector(A, B) and left:
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
            call(_square(make), make(3)),
            call(_square(make, 2), make(3, 2)),
            call(_square(make, 2), make(2, 3)),
            call(_square(make), make(2, 3), left=False),
            call(_square(make, dtype="complex128"), make(3, 1, dtype="complex128")),
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
    A = _upper(xp, A) if upper else _lower(xp, A)
    if unitriangular:
        eye = _eye(xp, A.shape[-1], A.dtype)
        A = xp.where(xp.ne(eye, 0), eye, A)
    return xp.solve_matrices(A, B) if left else mT(xp, xp.solve_matrices(mT(xp, A), mT(xp, B)))


@linalg_solve_triangular.public
def linalg_solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    return linalg_solve_triangular.call(A, B, upper, left, unitriangular)


linalg_solve_triangular.sample(
    lambda make: [
        call(_square(make), make(3, 2), upper=True),
        call(_square(make, 2), make(3, 1), upper=False, unitriangular=True),
        call(_square(make), make(2, 3), upper=False, left=False),
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
        call(make(3, 2), _square(make)),
        call(make(3, 2), _square(make), upper=False, transpose=True),
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
    columns = [_stacked(xp, [minors[i][j] for i in range(n)]) for j in range(n)]
    return xp.join(tuple(xp.unsqueeze(c, -2) for c in columns), len(A.shape) - 2)


def _stacked(xp: Namespace, parts: Any) -> Any:
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
    yield call(_square(make))
    yield call(_square(make, 2))
    yield call(_square(make, dtype="complex128"))


for _op in (linalg_slogdet, linalg_det, logdet):
    _op.sample(_det_samples)

# ---- Cholesky


@host_op(shape=same, promote="float", holomorphic=False, method=False)
def cholesky_lower(xp: Namespace, input: Tensor) -> Tensor:
    """Lower-triangular L with L L^H = `input`, of which the lower triangle is read."""


def _cholesky_rule(xp: Namespace, g: Any, out: Any) -> Any:
    """Murray, "Differentiation of the Cholesky decomposition" (2016): symmetrised L^-H phi(L^H g) L^-1."""
    phi = _lower(xp, xp.matmul(mH(xp, out), g))
    symmetric = (phi + mH(xp, _lower(xp, phi, -1))) * 0.5
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
    factor = mH(xp, _upper(xp, L)) if upper else _lower(xp, L)
    return xp.solve_matrices(mH(xp, factor), xp.solve_matrices(factor, B))


@op
def cholesky_inverse(xp: Namespace, L: Tensor, upper: bool = False) -> Tensor:
    """Inverse of L L^H (of U^H U with `upper`), from a Cholesky factor."""
    check_square("cholesky_inverse", L)
    factor = mH(xp, _upper(xp, L)) if upper else _lower(xp, L)
    inverse = xp.linalg_inv(factor)
    return xp.matmul(mH(xp, inverse), inverse)


def _cholesky_samples(make: Any) -> Any:
    import numpy as np

    for dtype, lead in (("float64", ()), ("float64", (2,)), ("complex128", ())):
        values = np.linalg.cholesky(_hermitian(make, *lead, dtype=dtype).values)
        yield call(make.of(values @ values.conj().swapaxes(-1, -2)))


for _op in (cholesky, linalg_cholesky, linalg_cholesky_ex):
    _op.sample(_cholesky_samples)
cholesky_solve.sample(
    lambda make: [call(make(3, 2), _square(make)), call(make(2, 3, 1), _square(make), True)]
)
cholesky_inverse.sample(lambda make: [call(_square(make)), call(_square(make), upper=True)])

# ---- QR


def _qr_shapes(A: Any, mode: str) -> Any:
    m, n = A.shape[-2:]
    k = m if mode == "complete" else min(m, n)
    return ((*A.shape[:-2], m, k) if mode != "r" else (0,)), (*A.shape[:-2], k, n)


@host_op(promote="float", outputs=("Q", "R"), shape=_qr_shapes, holomorphic=False)
def linalg_qr(xp: Namespace, A: Tensor, mode: str = "reduced") -> Tensor:
    """(Q, R) with A = Q R: orthonormal columns, upper triangle. `mode` is 'reduced', 'complete' or 'r'."""


@linalg_qr.public
def linalg_qr(A: Any, mode: str = "reduced") -> Any:
    check_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced', 'r', or 'complete'"
        )
    return linalg_qr.call(A, mode)


def _qr_rule(xp: Namespace, g: Any, A: Any, Q: Any, R: Any, mode: str) -> Any:
    """Roberts and Roberts, "QR and LQ decomposition matrix backpropagation" (2020)."""
    m, n = A.shape[-2:]
    if mode == "r":
        raise RuntimeError(
            "linalg.qr: mode='r' doesn't compute Q, which the gradient needs; use mode='reduced'"
        )
    if mode == "complete" and m > n:
        raise RuntimeError(
            "linalg.qr: the gradient with mode='complete' and more rows than columns is not unique"
        )
    gQ = xp.full(Q.shape, 0, A.dtype) if g[0] is None else g[0]
    gR = xp.full(R.shape, 0, A.dtype) if g[1] is None else g[1]
    if m >= n:
        return _qr_square(xp, gQ, gR, Q, R)
    # wide: A = [X, Y] with Q U = X, and R = [U, V] with V = Q^H Y
    at = len(A.shape) - 1
    U, gU = xp.slice(R, at, 0, m, 1), xp.slice(gR, at, 0, m, 1)
    Y, gV = xp.slice(A, at, m, n, 1), xp.slice(gR, at, m, n, 1)
    gX = _qr_square(xp, gQ + xp.matmul(Y, mH(xp, gV)), gU, Q, U)
    return xp.join((gX, xp.matmul(Q, gV)), at)


def _qr_square(xp: Namespace, gQ: Any, gR: Any, Q: Any, R: Any) -> Any:
    inner = xp.matmul(R, mH(xp, gR)) - xp.matmul(mH(xp, gQ), Q)
    low = _lower(xp, inner, -1)
    symmetric = low + mH(xp, low) + _real_diagonal(xp, inner)
    return mH(xp, xp.solve_matrices(R, mH(xp, gQ + xp.matmul(Q, symmetric))))


def _real_diagonal(xp: Namespace, x: Any) -> Any:
    return (x + mH(xp, x)) * (_eye(xp, x.shape[-1], x.dtype) * 0.5)


linalg_qr.vjp(A=_qr_rule)


@op(outputs=("Q", "R"))
def qr(xp: Namespace, input: Tensor, some: bool = True) -> Tensor:
    """(Q, R) with input = Q R (see `linalg.qr`)."""
    return xp.linalg_qr(input, "reduced" if some else "complete")


linalg_qr.sample(lambda make: [call(make(3, 2)), call(make(2, 2, 3)), call(make(3, 3), "complete")])
qr.sample(lambda make: [call(make(3, 2))])

# ---- singular values


def _svd_shapes(A: Any, full_matrices: bool) -> Any:
    lead, m, n = A.shape[:-2], A.shape[-2], A.shape[-1]
    k = min(m, n)
    return (*lead, m, m if full_matrices else k), (*lead, k), (*lead, n if full_matrices else k, n)


@host_op(
    promote="float", outputs=("U", "S", "Vh"), shape=_svd_shapes, holomorphic=False, unspecified_values=True,
    dtype=lambda A, full_matrices: (A.dtype, real_dtype(A), A.dtype),
)  # fmt: skip
def linalg_svd(xp: Namespace, A: Tensor, full_matrices: bool = True) -> Tensor:
    """(U, S, Vh) with A = U diag(S) Vh: orthonormal U and V, singular values from large to small.

    The gradient is defined where the singular values differ; it may not depend on the phase of the
    vectors, nor on the columns that only `full_matrices=True` gives.
    """


@linalg_svd.public
def linalg_svd(A: Any, full_matrices: bool = True, *, driver: Any = None) -> Any:
    check_matrix("linalg.svd", A)
    return linalg_svd.call(A, full_matrices)


def _svd_rule(xp: Namespace, g: Any, A: Any, U: Any, S: Any, Vh: Any) -> Any:
    gU, gS, gVh = g
    m, n = A.shape[-2:]
    k = min(m, n)
    U, Vh = _columns(xp, U, k), xp.slice(Vh, len(Vh.shape) - 2, 0, k, 1)
    gU = None if gU is None else _columns(xp, gU, k)
    gV = None if gVh is None else mH(xp, xp.slice(gVh, len(gVh.shape) - 2, 0, k, 1))
    eye = _eye(xp, k, S.dtype)
    inner = None if gS is None else xp.unsqueeze(gS, -1) * eye
    if gU is None and gV is None:
        return xp.matmul(U, xp.matmul(xp.cast(inner, A.dtype), Vh))
    V = mH(xp, Vh)
    row, column = xp.unsqueeze(S, -2), xp.unsqueeze(S, -1)
    gap = (row - column) * (row + column)
    E = xp.where(xp.ne(eye, 0), 1.0, gap)
    skew_U = 0 if gU is None else _skew(xp, xp.matmul(mH(xp, U), gU))
    skew_V = 0 if gV is None else _skew(xp, xp.matmul(Vh, gV))
    part = (skew_U * row + column * skew_V) / E
    if inner is not None:
        part = part + inner
    if is_complex(A.dtype) and gU is not None:
        diagonal = xp.matmul(mH(xp, U), gU) * xp.cast(eye, A.dtype)
        part = part + (diagonal - mH(xp, diagonal)) * 0.5 / (
            column + 1 - eye
        )  # phases: imaginary part of the diagonal
    out = xp.matmul(U, xp.matmul(part, Vh))
    if gU is not None and m > k:
        scaled = gU / row
        out = out + xp.matmul(scaled - xp.matmul(U, xp.matmul(mH(xp, U), scaled)), Vh)
    if gV is not None and n > k:
        scaled = mH(xp, gV / row)
        out = out + xp.matmul(U, scaled - xp.matmul(xp.matmul(scaled, V), Vh))
    return out


def _skew(xp: Namespace, x: Any) -> Any:
    return x - mH(xp, x)


linalg_svd.vjp(A=_svd_rule)


@op
def linalg_svdvals(xp: Namespace, A: Tensor) -> Tensor:
    """Singular values, from large to small."""
    return xp.linalg_svd(A, False)[1]


@linalg_svdvals.public
def linalg_svdvals(A: Any, *, driver: Any = None) -> Any:
    check_matrix("linalg.svdvals", A)
    return linalg_svdvals.call(A)


@op(outputs=("U", "S", "V"), unspecified_values=True)
def svd(xp: Namespace, input: Tensor, some: bool = True, compute_uv: bool = True) -> Tensor:
    """(U, S, V) with input = U diag(S) V^H; see `linalg.svd`."""
    check_matrix("svd", input)
    m, n = input.shape[-2:]
    if not compute_uv:
        lead = tuple(input.shape[:-2])
        return (
            xp.full((*lead, m, m), 0, input.dtype),
            xp.linalg_svdvals(input),
            xp.full((*lead, n, n), 0, input.dtype),
        )
    U, S, Vh = xp.linalg_svd(input, not some)
    return U, S, mH(xp, Vh)


linalg_svdvals.sample(
    lambda make: [call(make(3, 2)), call(make(2, 2, 3)), call(make(2, 2, dtype="complex128"))]
)
linalg_svd.sample(
    lambda make: [
        call(make(3, 2, grad=False)),
        call(make(2, 2, 3, grad=False), full_matrices=False),
    ]
)
svd.sample(lambda make: [call(make(3, 2, grad=False)), call(make(2, 3, grad=False), some=False)])

# ---- eigenvalues


@host_op(
    promote="float", outputs=("eigenvalues", "eigenvectors"), holomorphic=False, unspecified_values=True,
    shape=lambda A, UPLO: (A.shape[:-1], A.shape), dtype=lambda A, UPLO: (real_dtype(A), A.dtype),
)  # fmt: skip
def linalg_eigh(xp: Namespace, A: Tensor, UPLO: str = "L") -> Tensor:
    """(eigenvalues from small to large, eigenvectors as columns) of Hermitian matrices.

    Only the lower ('L') or upper ('U') triangle is read.
    """


@linalg_eigh.public
def linalg_eigh(A: Any, UPLO: str = "L") -> Any:
    check_square("linalg.eigh", A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return linalg_eigh.call(A, UPLO.upper())


def _eigh_rule(xp: Namespace, g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    gL, gV = g
    V, L = eigenvectors, eigenvalues
    eye = _eye(xp, V.shape[-1], L.dtype)
    inner: Any = None if gL is None else xp.unsqueeze(gL, -1) * eye
    if gV is not None:
        gap = xp.unsqueeze(L, -2) - xp.unsqueeze(L, -1)
        E = xp.where(xp.ne(eye, 0), 1.0, gap)
        mixed = _skew(xp, xp.matmul(mH(xp, V), gV)) * 0.5  # what keeps A Hermitian
        part = xp.where(xp.ne(eye, 0), 0.0, mixed / E)
        inner = part if inner is None else part + inner
    inner = inner if not is_complex(V.dtype) or is_complex(inner.dtype) else xp.cast(inner, V.dtype)
    return xp.matmul(V, xp.matmul(inner, mH(xp, V)))


linalg_eigh.vjp(A=_eigh_rule)


@op
def linalg_eigvalsh(xp: Namespace, A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of Hermitian matrices, from small to large."""
    return xp.linalg_eigh(A, UPLO)[0]


@linalg_eigvalsh.public
def linalg_eigvalsh(A: Any, UPLO: str = "L") -> Any:
    check_square("linalg.eigvalsh", A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return linalg_eigvalsh.call(A, UPLO.upper())


@host_op(
    promote="float", outputs=("eigenvalues", "eigenvectors"), holomorphic=False, unspecified_values=True,
    shape=lambda A: (A.shape[:-1], A.shape), dtype=lambda A: (complex_dtype(A), complex_dtype(A)),
)  # fmt: skip
def linalg_eig(xp: Namespace, A: Tensor) -> Tensor:
    """(eigenvalues, eigenvectors as columns of length 1) of square matrices, both complex, in no order."""


@linalg_eig.public
def linalg_eig(A: Any) -> Any:
    check_square("linalg.eig", A)
    return linalg_eig.call(A)


def _eig_rule(xp: Namespace, g: Any, A: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """Boeddeker et al., "On the computation of complex-valued gradients" (2017), with columns of length 1."""
    gL, gV = g
    V, L = eigenvectors, eigenvalues
    eye = _eye(xp, V.shape[-1], V.dtype)
    inner = None if gL is None else xp.unsqueeze(gL, -1) * eye
    if gV is not None:
        VhgV = xp.matmul(mH(xp, V), gV)
        lengths = xp.sum(xp.cast(xp.real(VhgV * eye), V.dtype), -2, True)
        part = VhgV - xp.matmul(mH(xp, V), V * lengths)
        gap = xp.conj(xp.unsqueeze(L, -2) - xp.unsqueeze(L, -1))
        part = xp.where(xp.ne(eye, 0), 0.0, part / xp.where(xp.ne(eye, 0), 1.0, gap))
        inner = part if inner is None else inner + part
    out = xp.solve_matrices(mH(xp, V), xp.matmul(inner, mH(xp, V)))
    return out if is_complex(A.dtype) else xp.real(out)


linalg_eig.vjp(A=_eig_rule)


@op
def linalg_eigvals(xp: Namespace, A: Tensor) -> Tensor:
    """Eigenvalues of square matrices, complex, in no order."""
    return xp.linalg_eig(A)[0]


@linalg_eigvals.public
def linalg_eigvals(A: Any) -> Any:
    check_square("linalg.eigvals", A)
    return linalg_eigvals.call(A)


linalg_eigh.sample(
    lambda make: [call(_hermitian(make, grad=False)), call(_hermitian(make, 2, grad=False), "U")]
)
linalg_eig.sample(lambda make: [call(make.of([[2.0, 1.0], [0.5, -1.0]]))])
linalg_eigvalsh.sample(
    lambda make: [call(make.of([[2.0, 0.0], [0.0, 5.0]])), call(_hermitian(make, grad=False))]
)
linalg_eigvals.sample(lambda make: [call(make.of([[2.0, 1.0], [0.5, -1.0]]))])

# ---- least squares, pseudo-inverse, rank, power


@op(holomorphic=False)
def linalg_pinv(
    xp: Namespace,
    A: Tensor,
    rcond: Tensor | None = None,
    hermitian: bool = False,
    atol: Tensor | None = None,
    rtol: Tensor | None = None,
) -> Tensor:
    """Moore-Penrose inverse; singular values up to max(`atol`, `rtol` times the largest) count as 0."""
    check_matrix("linalg.pinv", A)
    m, n = A.shape[-2:]
    if 0 in tuple(A.shape):
        return xp.full((*A.shape[:-2], n, m), 0, A.dtype)
    if hermitian:
        values, V = xp.linalg_eigh(A)
        inverse = _inverted(xp, values, xp.abs(values), atol, rtol if rcond is None else rcond, A)
        return xp.matmul(V * xp.unsqueeze(inverse, -2), mH(xp, V))
    U, S, Vh = xp.linalg_svd(A, False)
    inverse = _inverted(xp, S, S, atol, rtol if rcond is None else rcond, A)
    return xp.matmul(mH(xp, Vh) * xp.unsqueeze(inverse, -2), mH(xp, U))


def _tolerance(xp: Namespace, sizes: Any, atol: Any, rtol: Any, A: Any) -> Any:
    """max(atol, rtol * largest); by default rtol is eps * max(m, n), and 0 where `atol` is positive."""
    from facula.dtypes import finfo

    if rtol is None:
        rtol = max(A.shape[-2:]) * finfo(A.dtype).eps
        if atol is not None:
            rtol = xp.where(xp.gt(atol, 0), 0.0, xp.full((), rtol, sizes.dtype))
    relative = xp.amax(sizes, -1) * rtol
    return xp.unsqueeze(relative if atol is None else xp.maximum(relative, atol), -1)


def _inverted(xp: Namespace, values: Any, sizes: Any, atol: Any, rtol: Any, A: Any) -> Any:
    keep = xp.gt(sizes, xp.stop(_tolerance(xp, sizes, atol, rtol, A)))
    return xp.where(keep, 1 / xp.where(keep, values, 1.0), 0.0)


def _pinv_rule(xp: Namespace, g: Any, A: Any, out: Any) -> Any:
    """Golub and Pereyra (1973): no differences of singular values, so equal ones do no harm."""
    P, gh = out, mH(xp, g)
    if 0 in tuple(A.shape):
        return xp.full(A.shape, 0, A.dtype)
    m, n = A.shape[-2:]
    if m <= n:
        K = xp.matmul(gh, P)
        KPh = xp.matmul(K, mH(xp, P))
        part = -mH(xp, xp.matmul(P, K)) + KPh - xp.matmul(xp.matmul(A, P), KPh)
        tail = xp.matmul(xp.matmul(mH(xp, P), P), gh - xp.matmul(K, A))
    else:
        K = xp.matmul(P, gh)
        PhK = xp.matmul(mH(xp, P), K)
        part = -mH(xp, xp.matmul(K, P)) + xp.matmul(gh - xp.matmul(A, K), xp.matmul(P, mH(xp, P)))
        tail = PhK - xp.matmul(xp.matmul(PhK, P), A)
    return part + tail


linalg_pinv.vjp(A=_pinv_rule)


@linalg_pinv.public
def linalg_pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    return linalg_pinv.call(
        A, _as_tensor(rcond, A), hermitian, _as_tensor(atol, A), _as_tensor(rtol, A)
    )


def _as_tensor(tolerance: Any, A: Any) -> Any:
    """A tolerance as a tensor of the real dtype of `A`; it has no gradient."""
    from facula.construct import tensor

    if tolerance is None or hasattr(tolerance, "detach"):
        return None if tolerance is None else tolerance.detach().to(A.dtype.to_real())
    return tensor(tolerance, dtype=A.dtype.to_real(), device=A.device)


@op
def pinverse(xp: Namespace, input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Moore-Penrose inverse (see `linalg.pinv`)."""
    return xp.linalg_pinv(input, rcond)


@op
def linalg_matrix_rank(
    xp: Namespace,
    A: Tensor,
    tol: Tensor | None = None,
    hermitian: bool = False,
    atol: Tensor | None = None,
    rtol: Tensor | None = None,
) -> Tensor:
    """Number of singular values above max(`atol`, `rtol` times the largest); int64."""
    check_matrix("linalg.matrix_rank", A)
    if 0 in tuple(A.shape):
        return xp.full(A.shape[:-2], 0, I64)
    sizes = xp.abs(xp.linalg_eigvalsh(A)) if hermitian else xp.linalg_svdvals(A)
    if tol is not None:
        atol, rtol = tol, xp.full((), 0, sizes.dtype)
    return xp.sum(xp.cast(xp.gt(sizes, _tolerance(xp, sizes, atol, rtol, A)), I64), -1)


@linalg_matrix_rank.public
def linalg_matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    check_matrix("linalg.matrix_rank", A)
    return linalg_matrix_rank.call(
        A.detach(), _as_tensor(tol, A), hermitian, _as_tensor(atol, A), _as_tensor(rtol, A)
    )


@op(outputs=("solution", "residuals", "rank", "singular_values"))
def linalg_lstsq(
    xp: Namespace, A: Tensor, B: Tensor, rcond: Tensor | None = None, driver: Any = None
) -> Tensor:
    """(solution, residuals, rank, singular values) of the least-squares problem min |A X - B|.

    Residuals are given where A has more rows than columns, rank and singular values for the drivers
    that find them ('gelsd', 'gelss'; 'gelsy' the rank).
    """
    check_matrix("linalg.lstsq", A)
    vector = _is_vector(A, B)
    right = xp.unsqueeze(B, -1) if vector else B
    if A.shape[-2] != right.shape[-2]:
        raise RuntimeError(
            f"linalg.lstsq: input.size(-2) should match other.size(-2): {tuple(A.shape)} and {tuple(B.shape)}"
        )
    solution = xp.matmul(xp.linalg_pinv(A, rcond), right)
    none = xp.full((0,), 0, as_dtype(A.dtype).to_real().dtype)
    residuals = (
        xp.slice(xp.reshape(xp.real(solution), (-1,)), 0, 0, 0, 1)
        if 0 not in solution.shape
        else none
    )
    if A.shape[-2] > A.shape[-1] and driver != "gelsy":
        rest = xp.abs(xp.matmul(A, solution) - right)
        residuals = xp.sum(rest * rest, -2)
        residuals = xp.squeeze(residuals, -1) if vector else residuals
    rank = (
        xp.full((0,), 0, I64)
        if driver == "gels"
        else xp.linalg_matrix_rank(A, None, False, None, rcond)
    )
    values = xp.linalg_svdvals(A) if driver in ("gelsd", "gelss") else none
    return (xp.squeeze(solution, -1) if vector else solution), residuals, rank, values


@linalg_lstsq.public
def linalg_lstsq(A: Any, B: Any, rcond: Any = None, *, driver: Any = None) -> Any:
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}"
        )
    return linalg_lstsq.call(A, B, _as_tensor(rcond, A), driver or "gelsy")


@op
def linalg_matrix_power(xp: Namespace, A: Tensor, n: int) -> Tensor:
    """Square matrices multiplied by themselves `n` times; their inverses for a negative `n`."""
    check_square("linalg.matrix_power", A)
    if n == 0:
        return xp.where(
            xp.full(A.shape, True, B8), _eye(xp, A.shape[-1], A.dtype), A
        )  # on the tape, gradient 0
    if n < 0:
        A, n = xp.linalg_inv(A), -n
    out, power = None, A
    while n:
        if n & 1:
            out = power if out is None else xp.matmul(out, power)
        n >>= 1
        power = xp.matmul(power, power) if n else power
    return out * 1 if out is A else out


linalg_matrix_power.alias_as("matrix_power")


@op
def linalg_cond(xp: Namespace, A: Tensor, p: Any = None) -> Tensor:
    """Condition number of matrices in the norm `p`; by default the ratio of extreme singular values."""
    if p in (None, 2, -2):
        values = xp.linalg_svdvals(A)
        large, small = xp.amax(values, -1), -xp.amax(-values, -1)
        return small / large if p == -2 else large / small
    check_square("linalg.cond", A)
    return xp.linalg_matrix_norm(A, p) * xp.linalg_matrix_norm(xp.linalg_inv(A), p)


linalg_cond.sample(lambda make: [call(_square(make)), call(_square(make), "fro")])
linalg_pinv.sample(
    lambda make: [call(make(3, 2)), call(make(2, 2, 3)), call(make(2, 2, dtype="complex128"))]
)
pinverse.sample(lambda make: [call(make(3, 2))])
linalg_matrix_rank.sample(lambda make: [call(make(3, 2)), call(make.of([[1.0, 2.0], [2.0, 4.0]]))])
linalg_lstsq.sample(lambda make: [call(make(3, 2), make(3, 2)), call(make(2, 3), make(2))])
linalg_matrix_power.sample(
    lambda make: [call(make(2, 2), n) for n in (0, 1, 2, 3)] + [call(_square(make), -2)]
)


@op
def linalg_vander(xp: Namespace, x: Tensor, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of the elements of `x`, along a new last dimension."""
    n = x.shape[-1] if N is None else N
    columns = [xp.full(x.shape, 1, x.dtype)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return _stacked(xp, columns[:n])


@linalg_vander.public
def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    x = x if x.ndim else x.unsqueeze(0)
    if N is not None and N <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {N}")
    return linalg_vander.call(x if x.dtype.category else x.to("int64"), N)


linalg_vander.sample(lambda make: [call(make(3)), call(make(2, 2), N=4)])


@op(view=True)
def linalg_diagonal(
    xp: Namespace, A: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Tensor:
    """Diagonals of matrices, as a last dimension; a view (see `diagonal`)."""
    return xp.diagonal(A, offset, dim1, dim2)


@linalg_diagonal.public
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return A.diagonal(offset, dim1, dim2)


linalg_diagonal.sample(
    lambda make: [call(make(3, 3)), call(make(2, 3, 2), offset=1, dim1=0, dim2=1)]
)


@op
def linalg_tensorinv(xp: Namespace, A: Tensor, ind: int = 2) -> Tensor:
    """Inverse for `tensordot` over the first `ind` dimensions of `A`."""
    if ind <= 0 or ind >= len(A.shape) + (len(A.shape) < 2):
        raise RuntimeError(
            f"linalg.tensorinv: ind must be between 1 and {len(A.shape) - 1}, got {ind}"
        )
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    n = _product(last)
    if _product(first) != n:
        raise RuntimeError(f"linalg.tensorinv: sizes {first} and {last} must have the same product")
    return xp.reshape(xp.linalg_inv(xp.reshape(A, (n, n))), last + first)


@op
def linalg_tensorsolve(xp: Namespace, A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) == B; `dims` of `A` are first moved to its end."""
    if dims is not None:
        moved = [d % len(A.shape) for d in dims]
        A = xp.permute(A, (*[i for i in range(len(A.shape)) if i not in moved], *moved))
    rest = tuple(A.shape[len(B.shape) :])
    n = _product(B.shape)
    if _product(rest) != n:
        raise RuntimeError(
            f"linalg.tensorsolve: A of shape {tuple(A.shape)} is not square over B's {n} elements"
        )
    out = xp.solve_matrices(xp.reshape(A, (n, n)), xp.reshape(B, (n, 1)))
    return xp.reshape(out, rest)


def _product(sizes: Any) -> int:
    n = 1
    for size in sizes:
        n *= size
    return n


linalg_tensorinv.sample(
    lambda make: [call(make.of(_square(make).values.reshape(3, 3, 1), grad=True), ind=1)]
)
linalg_tensorsolve.sample(
    lambda make: [call(make.of(_square(make).values.reshape(3, 1, 3), grad=True), make(3, 1))]
)


# ---- LU


def _lu_shapes(A: Any) -> Any:
    return A.shape, (*A.shape[:-2], min(A.shape[-2:]))


@host_op(
    promote="float",
    outputs=("LU", "pivots"),
    shape=_lu_shapes,
    dtype=lambda A: (A.dtype, "int32"),
    holomorphic=False,
)
def linalg_lu_factor(xp: Namespace, A: Tensor) -> Tensor:
    """(L and U in one matrix, row exchanges counted from 1), with partial pivoting."""


@linalg_lu_factor.public
def linalg_lu_factor(A: Any, *, pivot: bool = True) -> Any:
    check_matrix("linalg.lu_factor", A)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    return linalg_lu_factor.call(A)


def _order_of(xp: Namespace, pivots: Any, m: int) -> Any:
    """The permutation matrix P of A = P L U, as a boolean array (..., m, m)."""
    eye = _eye(xp, m, B8)
    rows = xp.expand(eye, (*pivots.shape[:-1], m, m))
    at = xp.sequence(0, 1, m, I64)
    for i in range(pivots.shape[-1]):  # exchange rows i and pivots[i] - 1
        other = xp.cast(xp.unsqueeze(xp.select(pivots, len(pivots.shape) - 1, i), -1), I64) - 1
        is_other, is_i = xp.eq(at, other), xp.expand(xp.eq(at, i), (*other.shape[:-1], m))
        row_i = xp.slice(rows, len(rows.shape) - 2, i, i + 1, 1)
        chosen = xp.bitwise_and(rows, xp.unsqueeze(is_other, -1))
        row_other = xp.unsqueeze(xp.ne(xp.sum(xp.cast(chosen, I64), -2), 0), -2)
        rows = xp.where(xp.unsqueeze(is_other, -1), row_i, rows)
        rows = xp.where(xp.unsqueeze(is_i, -1), row_other, rows)
    return mT(xp, rows)


def _lu_parts(xp: Namespace, LU: Any) -> tuple[Any, Any]:
    """L (m, k) with ones on its diagonal, and U (k, n)."""
    m, n = LU.shape[-2:]
    k = min(m, n)
    low = _lower(xp, _columns(xp, LU, k), -1)
    L = xp.where(_is_diagonal(xp, low), 1.0, low)
    return L, _upper(xp, xp.slice(LU, len(LU.shape) - 2, 0, k, 1))


def _is_diagonal(xp: Namespace, x: Any) -> Any:
    rows = xp.unsqueeze(xp.sequence(0, 1, x.shape[-2], I64), 1)
    return xp.eq(rows, xp.unsqueeze(xp.sequence(0, 1, x.shape[-1], I64), 0))


def _lu_rule(xp: Namespace, g: Any, LU: Any, pivots: Any) -> Any:
    """Of P^T A = L U, by its leading square block; the rest is L2 = A2 U^-1 or U2 = L^-1 A2."""
    if g[0] is None:
        return xp.full(LU.shape, 0, LU.dtype)
    m, n = LU.shape[-2:]
    k, row, column = min(m, n), len(LU.shape) - 2, len(LU.shape) - 1
    L, U = _lu_parts(xp, LU)
    gL, gU = _lower(xp, _columns(xp, g[0], k), -1), _upper(xp, xp.slice(g[0], row, 0, k, 1))
    if m > n:
        L2, gL2 = xp.slice(L, row, k, m, 1), xp.slice(gL, row, k, m, 1)
        rest = mH(xp, xp.solve_matrices(U, mH(xp, gL2)))
        gU = gU - _upper(xp, xp.matmul(mH(xp, L2), rest))
        L, gL = xp.slice(L, row, 0, k, 1), xp.slice(gL, row, 0, k, 1)
    elif n > m:
        U2, gU2 = xp.slice(U, column, k, n, 1), xp.slice(gU, column, k, n, 1)
        rest = xp.solve_matrices(mH(xp, L), gU2)
        gL = gL - _lower(xp, xp.matmul(rest, mH(xp, U2)), -1)
        U, gU = _columns(xp, U, k), _columns(xp, gU, k)
    inner = _lower(xp, xp.matmul(mH(xp, L), gL), -1) + _upper(xp, xp.matmul(gU, mH(xp, U)))
    out = xp.solve_matrices(mH(xp, L), mH(xp, xp.solve_matrices(U, mH(xp, inner))))
    if m != n:
        out = xp.join((out, rest), row if m > n else column)
    return xp.matmul(xp.cast(_order_of(xp, pivots, m), LU.dtype), out)


linalg_lu_factor.vjp(A=_lu_rule)


@op(outputs=("LU", "pivots", "info"))
def linalg_lu_factor_ex(
    xp: Namespace, A: Tensor, pivot: bool = True, check_errors: bool = False
) -> Tensor:
    """(LU, pivots, info); info is 0 throughout."""
    LU, pivots = xp.linalg_lu_factor(A)
    return LU, pivots, xp.full(A.shape[:-2], 0, "int32")


@linalg_lu_factor_ex.public
def linalg_lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    check_matrix("linalg.lu_factor_ex", A)
    return linalg_lu_factor_ex.call(A, pivot, check_errors)


@op(outputs=("P", "L", "U"))
def linalg_lu(xp: Namespace, A: Tensor) -> Tensor:
    """(P, L, U) with A = P L U: a permutation, a lower and an upper triangle."""
    check_matrix("linalg.lu", A)
    LU, pivots = xp.linalg_lu_factor(A)
    return xp.cast(_order_of(xp, pivots, A.shape[-2]), A.dtype), *_lu_parts(xp, LU)


@linalg_lu.public
def linalg_lu(A: Any, *, pivot: bool = True) -> Any:
    if not pivot:
        raise RuntimeError("linalg.lu: LU without pivoting is not implemented on the CPU")
    return linalg_lu.call(A)


@op(outputs=("P", "L", "U"))
def lu_unpack(
    xp: Namespace,
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> Tensor:
    """(P, L, U) of what `linalg.lu_factor` gave; empty what is not asked for."""
    empty = xp.full((0,), 0, LU_data.dtype)
    P = (
        xp.cast(_order_of(xp, LU_pivots, LU_data.shape[-2]), LU_data.dtype)
        if unpack_pivots
        else empty
    )
    return P, *(_lu_parts(xp, LU_data) if unpack_data else (empty, empty))


@op
def linalg_lu_solve(
    xp: Namespace, LU: Tensor, pivots: Tensor, B: Tensor, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X with A X = B (X A = B without `left`; A^H for A with `adjoint`), from `lu_factor` of A."""
    check_square("linalg.lu_solve", LU)
    L, U = _lu_parts(xp, LU)
    P = xp.cast(_order_of(xp, pivots, LU.shape[-2]), LU.dtype)
    if not left:
        return mH(xp, _lu_solved(xp, P, L, U, mH(xp, B), not adjoint))
    return _lu_solved(xp, P, L, U, B, adjoint)


def _lu_solved(xp: Namespace, P: Any, L: Any, U: Any, B: Any, adjoint: bool) -> Any:
    if adjoint:
        return xp.matmul(P, xp.solve_matrices(mH(xp, L), xp.solve_matrices(mH(xp, U), B)))
    return xp.solve_matrices(U, xp.solve_matrices(L, xp.matmul(mT(xp, P), B)))


@linalg_lu_solve.public
def linalg_lu_solve(
    LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False
) -> Any:
    return linalg_lu_solve.call(LU, pivots, B, left, adjoint)


@op
def lu_solve(xp: Namespace, b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with A X = b, from `linalg.lu_factor` of A."""
    return xp.linalg_lu_solve(LU_data, LU_pivots, b)


for _op in (linalg_lu_factor, linalg_lu_factor_ex, linalg_lu):
    _op.sample(
        lambda make: [
            call(_square(make)),
            call(_square(make, 2)),
            call(make(0, 2, 2)),
            call(make(3, 2)),
            call(make(2, 3)),
        ]
    )
linalg_lu_solve.sample(
    lambda make: [
        call(_square(make), make.of([2, 3, 3], "int32"), make(3, 2)),
        call(_square(make), make.of([1, 3, 3], "int32"), make(3, 2), adjoint=True),
        call(_square(make), make.of([1, 2, 3], "int32"), make(2, 3), left=False),
    ]
)
lu_solve.sample(lambda make: [call(make(3, 2), _square(make), make.of([2, 2, 3], "int32"))])
lu_unpack.sample(lambda make: [call(_square(make), make.of([2, 2, 3], "int32"))])

# ---- exponential, products of reflections


@op(dynamic="its norm decides the number of squarings")
def linalg_matrix_exp(xp: Namespace, A: Tensor) -> Tensor:
    """Matrix exponential: halved until small, Taylor's series of order 18, squared back.

    Moler and Van Loan, "Nineteen dubious ways to compute the exponential of a matrix" (2003), method 3.
    """
    check_square("linalg.matrix_exp", A)
    n = A.shape[-1]
    if 0 in tuple(A.shape):
        return A * 1
    size = xp.amax(xp.sum(xp.abs(xp.stop(A)), -1), -1)  # the norm, per matrix
    limit = (
        1.0 if as_dtype(A.dtype).to_real() is float64 else 3.0
    )  # few squarings: each doubles the error
    doublings = xp.ceil(xp.log2(xp.maximum(size, limit) / limit))
    highest = xp.amax(doublings, ())
    top = int(xp.to_numpy(highest) if hasattr(xp, "to_numpy") else highest.item())
    power = xp.exp2(-xp.minimum(doublings, float(top)))
    small = A * xp.cast(xp.unsqueeze(xp.unsqueeze(power, -1), -1), A.dtype)
    eye = _eye(xp, n, A.dtype)
    out = eye
    for k in range(18, 0, -1):
        out = eye + xp.matmul(small, out) * (1 / k)
    for i in range(top):
        again = xp.unsqueeze(xp.unsqueeze(xp.gt(doublings, i), -1), -1)
        out = xp.where(again, xp.matmul(out, out), out)
    return out


linalg_matrix_exp.alias_as("matrix_exp")
linalg_matrix_exp.sample(
    lambda make: [call(make(2, 2)), call(make(2, 3, 3)), call(make(2, 2, low=-9, high=9))]
)


@op
def linalg_householder_product(xp: Namespace, A: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of reflections I - tau_i v_i v_i^H; v_i is column i of `A`
    below its diagonal, with a 1 on it.
    """
    check_matrix("linalg.householder_product", A)
    m, n = A.shape[-2:]
    k = tau.shape[-1]
    if 0 in tuple(A.shape):
        return A * 1
    if m < n or k > n:
        raise RuntimeError(
            f"linalg.householder_product: A {tuple(A.shape)} is wide, or tau {tuple(tau.shape)} is too long"
        )
    low = _lower(xp, A, -1)
    vectors = xp.where(_is_diagonal(xp, low), 1.0, low)
    out = xp.where(
        xp.full(A.shape, True, B8), xp.cast(_is_diagonal(xp, A), A.dtype), A
    )  # taped also where k is 0
    for i in reversed(range(k)):
        v = xp.slice(vectors, len(A.shape) - 1, i, i + 1, 1)
        t = xp.unsqueeze(xp.slice(tau, len(tau.shape) - 1, i, i + 1, 1), -1)
        out = out - t * xp.matmul(v, xp.matmul(mH(xp, v), out))
    return out


linalg_householder_product.alias_as("orgqr")
linalg_householder_product.sample(
    lambda make: [call(make(3, 2), make(2)), call(make(2, 3, 3), make(2, 2))]
)
