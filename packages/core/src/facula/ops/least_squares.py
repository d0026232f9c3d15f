"""Least squares, pseudo-inverse, rank and powers of matrices, and inverses of tensors."""

from __future__ import annotations

from typing import Any

from facula.dtypes import B8, I64, as_dtype
from facula.ops._op import Namespace, Tensor, op
from facula.ops.matrices import check_matrix, check_square, draw_square, identity, mH
from facula.ops.solve import is_vector, stacked
from facula.testing.samples import call


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
    vector = is_vector(A, B)
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
            xp.full(A.shape, True, B8), identity(xp, A.shape[-1], A.dtype), A
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


linalg_cond.sample(lambda make: [call(draw_square(make)), call(draw_square(make), "fro")])
linalg_pinv.sample(
    lambda make: [call(make(3, 2)), call(make(2, 2, 3)), call(make(2, 2, dtype="complex128"))]
)
pinverse.sample(lambda make: [call(make(3, 2))])
linalg_matrix_rank.sample(lambda make: [call(make(3, 2)), call(make.of([[1.0, 2.0], [2.0, 4.0]]))])
linalg_lstsq.sample(lambda make: [call(make(3, 2), make(3, 2)), call(make(2, 3), make(2))])
linalg_matrix_power.sample(
    lambda make: [call(make(2, 2), n) for n in (0, 1, 2, 3)] + [call(draw_square(make), -2)]
)


@op
def linalg_vander(xp: Namespace, x: Tensor, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of the elements of `x`, along a new last dimension."""
    n = x.shape[-1] if N is None else N
    columns = [xp.full(x.shape, 1, x.dtype)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return stacked(xp, columns[:n])


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
    lambda make: [call(make.of(draw_square(make).values.reshape(3, 3, 1), grad=True), ind=1)]
)
linalg_tensorsolve.sample(
    lambda make: [call(make.of(draw_square(make).values.reshape(3, 1, 3), grad=True), make(3, 1))]
)
