"""Decompositions of matrices: QR, singular values, eigenvalues. LAPACK on the host does the work.

Gradients follow M. Giles, "An extended collection of matrix derivative results" (2008), and for the
complex case M. Seeger et al., "Auto-differentiating linear algebra" (2017).
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import B8, as_dtype, float64, is_complex
from facula.ops._op import Namespace, Tensor, host_op, op
from facula.ops.complex import complex_dtype
from facula.ops.matrices import (
    check_matrix,
    check_square,
    draw_hermitian,
    first_columns,
    identity,
    lower_part,
    mH,
    on_diagonal,
)
from facula.ops.rules import real_dtype
from facula.testing.samples import call

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
    low = lower_part(xp, inner, -1)
    symmetric = low + mH(xp, low) + _real_diagonal(xp, inner)
    return mH(xp, xp.solve_matrices(R, mH(xp, gQ + xp.matmul(Q, symmetric))))


def _real_diagonal(xp: Namespace, x: Any) -> Any:
    return (x + mH(xp, x)) * (identity(xp, x.shape[-1], x.dtype) * 0.5)


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
    U, Vh = first_columns(xp, U, k), xp.slice(Vh, len(Vh.shape) - 2, 0, k, 1)
    gU = None if gU is None else first_columns(xp, gU, k)
    gV = None if gVh is None else mH(xp, xp.slice(gVh, len(gVh.shape) - 2, 0, k, 1))
    eye = identity(xp, k, S.dtype)
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
    eye = identity(xp, V.shape[-1], L.dtype)
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
    eye = identity(xp, V.shape[-1], V.dtype)
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
    lambda make: [
        call(draw_hermitian(make, grad=False)),
        call(draw_hermitian(make, 2, grad=False), "U"),
    ]
)
linalg_eig.sample(lambda make: [call(make.of([[2.0, 1.0], [0.5, -1.0]]))])
linalg_eigvalsh.sample(
    lambda make: [call(make.of([[2.0, 0.0], [0.0, 5.0]])), call(draw_hermitian(make, grad=False))]
)
linalg_eigvals.sample(lambda make: [call(make.of([[2.0, 1.0], [0.5, -1.0]]))])

# ---- LU
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
    eye = identity(xp, n, A.dtype)
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
    low = lower_part(xp, A, -1)
    vectors = xp.where(on_diagonal(xp, low), 1.0, low)
    out = xp.where(
        xp.full(A.shape, True, B8), xp.cast(on_diagonal(xp, A), A.dtype), A
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
