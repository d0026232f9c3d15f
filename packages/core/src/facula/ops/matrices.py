"""Checks of matrices, and the pieces that gradients and samples of their ops share."""

from __future__ import annotations

from typing import Any

from facula.dtypes import I64, category, is_complex
from facula.ops._op import Namespace
from facula.ops.dims import broadcast_shapes


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


def identity(xp: Namespace, n: int, dtype: Any) -> Any:
    at = xp.sequence(0, 1, n, I64)
    return xp.cast(xp.eq(xp.unsqueeze(at, 0), xp.unsqueeze(at, 1)), dtype)


def lower_part(xp: Namespace, x: Any, offset: int = 0) -> Any:
    """`x` with zeros above its diagonal number `offset`."""
    return xp.where(_at_or_below(xp, x, offset), x, 0.0)


def upper_part(xp: Namespace, x: Any) -> Any:
    return mT(xp, lower_part(xp, mT(xp, x)))


def _at_or_below(xp: Namespace, x: Any, offset: int) -> Any:
    rows = xp.unsqueeze(xp.sequence(0, 1, x.shape[-2], I64), 1)
    columns = xp.unsqueeze(xp.sequence(0, 1, x.shape[-1], I64), 0)
    return xp.le(columns, rows + offset)


def diagonal_of(xp: Namespace, x: Any) -> Any:
    """The main diagonals as vectors."""
    k = min(x.shape[-2:])
    square = x
    if x.shape[-1] != k:
        square = xp.slice(x, len(x.shape) - 1, 0, k, 1)
    if x.shape[-2] != k:
        square = xp.slice(x, len(x.shape) - 2, 0, k, 1)
    return xp.sum(square * identity(xp, k, x.dtype), -1)


def first_columns(xp: Namespace, x: Any, k: int) -> Any:
    return xp.slice(x, len(x.shape) - 1, 0, k, 1)


def lead_of(*arrays: Any) -> tuple[int, ...]:
    return broadcast_shapes(*(x.shape[:-2] for x in arrays))


def on_diagonal(xp: Namespace, x: Any) -> Any:
    rows = xp.unsqueeze(xp.sequence(0, 1, x.shape[-2], I64), 1)
    return xp.eq(rows, xp.unsqueeze(xp.sequence(0, 1, x.shape[-1], I64), 0))


def draw_square(make: Any, *lead: int, dtype: str = "float64") -> Any:
    """Well-conditioned square matrices of size 3."""
    import numpy as np

    draw = make(*lead, 3, 3, dtype=dtype)
    return draw._replace(values=draw.values + 4 * np.eye(3))


def draw_hermitian(make: Any, *lead: int, dtype: str = "float64", grad: bool = True) -> Any:
    import numpy as np

    a = make(*lead, 3, 3, dtype=dtype).values
    return make.of(a @ a.conj().swapaxes(-1, -2) + np.diag([1.0, 3.0, 6.0]), grad=grad)
