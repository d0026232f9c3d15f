"""Made by tools/make_stubs.py from the op registry; do not edit."""


from typing import Any

from facula.ops.matrices import LinAlgError as LinAlgError

from facula._tensor import Tensor

def __getattr__(name: str) -> Any: ...

def cholesky(A: Any, *, upper: bool = ..., out: Any = ...) -> Tensor:
    """Cholesky factor of Hermitian positive-definite matrices: A = L L^H, or U^H U with `upper`."""

def cholesky_ex(A: Any, *, upper: bool = ..., check_errors: bool = ..., out: Any = ...) -> Any:
    """(factor, info); info is 0 throughout, for a matrix that is not positive-definite raises."""

def cond(A: Any, p: Any = ..., *, out: Any = ...) -> Tensor:
    """Condition number of matrices in the norm `p`; by default the ratio of extreme singular values."""

def cross(input: Any, other: Any, *, dim: int = ..., out: Any = ...) -> Tensor:
    """Vector products along `dim`, which must have size 3; the other dimensions are broadcast."""

def det(A: Any, *, out: Any = ...) -> Tensor:
    """Determinant of square matrices."""

def diagonal(A: Any, *, offset: int = ..., dim1: int = ..., dim2: int = ...) -> Tensor:
    """Diagonals of matrices, as a last dimension; a view (see `diagonal`)."""

def eig(A: Any, *, out: Any = ...) -> Any:
    """(eigenvalues, eigenvectors as columns of length 1) of square matrices, both complex, in no order."""

def eigh(A: Any, UPLO: str = ..., *, out: Any = ...) -> Any:
    """(eigenvalues from small to large, eigenvectors as columns) of Hermitian matrices."""

def eigvals(A: Any, *, out: Any = ...) -> Tensor:
    """Eigenvalues of square matrices, complex, in no order."""

def eigvalsh(A: Any, UPLO: str = ..., *, out: Any = ...) -> Tensor:
    """Eigenvalues of Hermitian matrices, from small to large."""

def householder_product(A: Any, tau: Any, *, out: Any = ...) -> Tensor:
    """The first columns of the product of reflections I - tau_i v_i v_i^H; v_i is column i of `A`"""

def inv(A: Any, *, out: Any = ...) -> Tensor:
    """Inverse of square matrices. Raises LinAlgError (a RuntimeError) for a singular one."""

def inv_ex(A: Any, check_errors: Any = ..., *, out: Any = ...) -> Any:
    """(inverse, info); info is 0 throughout, for a singular matrix raises."""

def lstsq(A: Any, B: Any, rcond: Any = ..., *, driver: Any = ..., out: Any = ...) -> Any:
    """(solution, residuals, rank, singular values) of the least-squares problem min |A X - B|."""

def lu(A: Any, *, pivot: bool = ..., out: Any = ...) -> Any:
    """(P, L, U) with A = P L U: a permutation, a lower and an upper triangle."""

def lu_factor(A: Any, *, pivot: bool = ..., out: Any = ...) -> Any:
    """(L and U in one matrix, row exchanges counted from 1), with partial pivoting."""

def lu_factor_ex(A: Any, *, pivot: bool = ..., check_errors: bool = ..., out: Any = ...) -> Any:
    """(LU, pivots, info); info is 0 throughout."""

def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = ..., adjoint: bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (X A = B without `left`; A^H for A with `adjoint`), from `lu_factor` of A."""

def matmul(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Matrix product of the last two dimensions, the others broadcast; a 1-D tensor is a vector."""

def matrix_exp(A: Any, *, out: Any = ...) -> Tensor:
    """Matrix exponential: halved until small, Taylor's series of order 18, squared back."""

def matrix_norm(A: Any, ord: Any = ..., dim: Any = ..., keepdim: bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """Norm of matrices: 'fro', 'nuc' (sum of singular values), 1 and -1 (column sums), inf and -inf"""

def matrix_power(A: Any, n: Any, *, out: Any = ...) -> Tensor:
    """Square matrices multiplied by themselves `n` times; their inverses for a negative `n`."""

def matrix_rank(A: Any, tol: Any = ..., hermitian: bool = ..., *, atol: Any = ..., rtol: Any = ..., out: Any = ...) -> Tensor:
    """Number of singular values above max(`atol`, `rtol` times the largest); int64."""

def multi_dot(tensors: Any, *, out: Any = ...) -> Tensor:
    """Product of two or more matrices, in the cheapest order; the first and last may be vectors."""

def norm(A: Any, ord: Any = ..., dim: Any = ..., keepdim: bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """Norm of a vector or matrix: of the whole tensor where neither `ord` nor `dim` is given."""

def pinv(A: Any, rcond: Any = ..., hermitian: bool = ..., *, atol: Any = ..., rtol: Any = ..., out: Any = ...) -> Tensor:
    """Moore-Penrose inverse; singular values up to max(`atol`, `rtol` times the largest) count as 0."""

def qr(A: Any, mode: str = ..., *, out: Any = ...) -> Any:
    """(Q, R) with A = Q R: orthonormal columns, upper triangle. `mode` is 'reduced', 'complete' or 'r'."""

def slogdet(A: Any, *, out: Any = ...) -> Any:
    """(sign, logarithm of the magnitude) of the determinant of square matrices."""

def solve(A: Any, B: Any, *, left: bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (`left`), or X A = B; B holds vectors or matrices."""

def solve_ex(A: Any, B: Any, *, left: bool = ..., check_errors: bool = ..., out: Any = ...) -> Any:
    """(solution, info); info is 0 throughout, for a singular matrix raises."""

def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = ..., unitriangular: bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (or X A = B) for triangular A, of which the other triangle is not read."""

def svd(A: Any, full_matrices: bool = ..., *, driver: Any = ..., out: Any = ...) -> Any:
    """(U, S, Vh) with A = U diag(S) Vh: orthonormal U and V, singular values from large to small."""

def svdvals(A: Any, *, driver: Any = ..., out: Any = ...) -> Tensor:
    """Singular values, from large to small."""

def tensorinv(A: Any, ind: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse for `tensordot` over the first `ind` dimensions of `A`."""

def tensorsolve(A: Any, B: Any, dims: Any = ..., *, out: Any = ...) -> Tensor:
    """X with tensordot(A, X, X.ndim) == B; `dims` of `A` are first moved to its end."""

def vander(x: Any, *, N: int | None = ..., out: Any = ...) -> Tensor:
    """Powers 0 to N - 1 of the elements of `x`, along a new last dimension."""

def vecdot(x: Any, y: Any, *, dim: int = ...) -> Tensor:
    """Sums of `conj(x) * y` along `dim`, the other dimensions broadcast."""

def vector_norm(x: Any, ord: Any = ..., dim: Any = ..., keepdim: bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """`sum(|x| ** ord) ** (1 / ord)` over `dim` (all by default); 0 counts nonzeros, inf is the largest."""
