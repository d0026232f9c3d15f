"""LU decomposition, and what is solved with it."""

from __future__ import annotations

from typing import Any

from facula.dtypes import B8, I64
from facula.ops._op import Namespace, Tensor, host_op, op
from facula.ops.matrices import (
    check_matrix,
    check_square,
    draw_square,
    first_columns,
    identity,
    lower_part,
    mH,
    mT,
    on_diagonal,
    upper_part,
)
from facula.testing.samples import call


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
    eye = identity(xp, m, B8)
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
    low = lower_part(xp, first_columns(xp, LU, k), -1)
    L = xp.where(on_diagonal(xp, low), 1.0, low)
    return L, upper_part(xp, xp.slice(LU, len(LU.shape) - 2, 0, k, 1))


def _lu_rule(xp: Namespace, g: Any, LU: Any, pivots: Any) -> Any:
    """Of P^T A = L U, by its leading square block; the rest is L2 = A2 U^-1 or U2 = L^-1 A2."""
    if g[0] is None:
        return xp.full(LU.shape, 0, LU.dtype)
    m, n = LU.shape[-2:]
    k, row, column = min(m, n), len(LU.shape) - 2, len(LU.shape) - 1
    L, U = _lu_parts(xp, LU)
    gL, gU = (
        lower_part(xp, first_columns(xp, g[0], k), -1),
        upper_part(xp, xp.slice(g[0], row, 0, k, 1)),
    )
    if m > n:
        L2, gL2 = xp.slice(L, row, k, m, 1), xp.slice(gL, row, k, m, 1)
        rest = mH(xp, xp.solve_matrices(U, mH(xp, gL2)))
        gU = gU - upper_part(xp, xp.matmul(mH(xp, L2), rest))
        L, gL = xp.slice(L, row, 0, k, 1), xp.slice(gL, row, 0, k, 1)
    elif n > m:
        U2, gU2 = xp.slice(U, column, k, n, 1), xp.slice(gU, column, k, n, 1)
        rest = xp.solve_matrices(mH(xp, L), gU2)
        gL = gL - lower_part(xp, xp.matmul(rest, mH(xp, U2)), -1)
        U, gU = first_columns(xp, U, k), first_columns(xp, gU, k)
    inner = lower_part(xp, xp.matmul(mH(xp, L), gL), -1) + upper_part(xp, xp.matmul(gU, mH(xp, U)))
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
            call(draw_square(make)),
            call(draw_square(make, 2)),
            call(make(0, 2, 2)),
            call(make(3, 2)),
            call(make(2, 3)),
        ]
    )
linalg_lu_solve.sample(
    lambda make: [
        call(draw_square(make), make.of([2, 3, 3], "int32"), make(3, 2)),
        call(draw_square(make), make.of([1, 3, 3], "int32"), make(3, 2), adjoint=True),
        call(draw_square(make), make.of([1, 2, 3], "int32"), make(2, 3), left=False),
    ]
)
lu_solve.sample(lambda make: [call(make(3, 2), draw_square(make), make.of([2, 2, 3], "int32"))])
lu_unpack.sample(lambda make: [call(draw_square(make), make.of([2, 2, 3], "int32"))])
