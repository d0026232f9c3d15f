"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import as_dtype, category, is_complex
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import wrap_dim, wrap_dims
from facula.ops.reduce import spread
from facula.testing.samples import call

# ---- vectors


@op(promote=None, holomorphic=False, inplace=False)
def linalg_vector_norm(
    xp: Namespace,
    x: Tensor,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """`sum(|x| ** ord) ** (1 / ord)` over `dim` (all by default); 0 counts nonzeros, inf is the largest.

    Real also for complex `x`. Raises RuntimeError for integers, and for inf over no elements.
    """
    if category(x.dtype) < 2:
        raise RuntimeError(
            f"linalg.vector_norm: expected a floating-point or complex tensor, got {x.dtype}"
        )
    if dtype is not None:
        x = xp.cast(x, as_dtype(dtype).dtype)
    dims = wrap_dims(dim, len(x.shape))
    if not dims:  # a 0-d tensor
        size = xp.abs(x)
        return xp.cast(xp.ne(x, 0), size.dtype) if ord == 0 else size
    if (ord == math.inf or ord < 0) and any(x.shape[d] == 0 for d in dims):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor of shape {tuple(x.shape)} over {dims}"
        )
    if ord == 2:
        square = x * x if not is_complex(x.dtype) else xp.abs(x) * xp.abs(x)
        return xp.sqrt(xp.sum(square, dims, keepdim))
    size = xp.abs(x)
    if ord == 0:
        return xp.sum(xp.cast(xp.ne(x, 0), size.dtype), dims, keepdim)
    if ord == 1:
        return xp.sum(size, dims, keepdim)
    if ord == math.inf:
        return xp.amax(size, dims, keepdim)
    if ord == -math.inf:
        return -xp.amax(-size, dims, keepdim)
    return xp.pow(xp.sum(xp.pow(size, float(ord)), dims, keepdim), 1.0 / ord)


@linalg_vector_norm.public
def linalg_vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    if not isinstance(ord, (int, float)):
        raise RuntimeError(f"linalg.vector_norm: ord must be a number, got {ord!r}")
    if dtype is not None:
        _check_dtype("linalg.vector_norm", x, dtype)
    return linalg_vector_norm.call(x, ord, dim, keepdim, dtype)


def _check_dtype(name: str, x: Any, dtype: Any) -> None:
    wanted = as_dtype(dtype)
    if wanted.category < 2 or (x.is_complex() and not wanted.is_complex):
        raise RuntimeError(f"{name}: dtype {wanted} can't hold the norm of a tensor of {x.dtype}")


def _vector_rule(xp: Namespace, g: Any, x: Any, out: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    """PyTorch's choice of subgradients: 0 where the norm is 0, ties of inf share."""
    dims = wrap_dims(dim, len(x.shape))
    if ord == 0:
        return xp.full(x.shape, 0, x.dtype)
    if dims:
        g, out = spread(xp, g, x.shape, dims, keepdim), spread(xp, out, x.shape, dims, keepdim)
    if as_dtype(g.dtype).to_real() is not as_dtype(x.dtype).to_real():
        g, out = [xp.cast(v, as_dtype(x.dtype).to_real().dtype) for v in (g, out)]
    if ord == 1 or not dims:
        return g * xp.sgn(x)
    if ord in (math.inf, -math.inf):
        at = xp.cast(xp.eq(xp.abs(x), out), g.dtype)
        return xp.sgn(x) * (g * at / xp.sum(at, dims, True))
    zero = out == 0
    if ord == 2:
        return xp.where(zero, 0.0, x * (g / xp.where(zero, 1.0, out)))
    size = xp.abs(x)
    if ord < 1:
        slope = xp.sgn(x) * xp.where(x == 0, 0.0, xp.pow(xp.where(x == 0, 1.0, size), ord - 1.0))
        return slope * (g * xp.pow(out, 1.0 - ord))
    slope = xp.sgn(x) * xp.pow(size, ord - 1.0) if ord < 2 else x * xp.pow(size, ord - 2.0)
    return xp.where(zero, 0.0, slope * (g / xp.pow(xp.where(zero, 1.0, out), ord - 1.0)))


linalg_vector_norm.vjp(x=_vector_rule)


@linalg_vector_norm.sample
def linalg_vector_norm(make: Any) -> Any:
    for ord in (2, 1, 3.5, math.inf, -math.inf, 0):
        yield call(make(2, 3), ord)
    yield call(make(2, 3), 2, 1, True)
    yield call(make(2, 3, 2), 1.5, dim=(0, -1))
    yield call(make(2, 2, dtype="complex128"))
    yield call(make(0, 2), 2, 0)


# ---- matrices


def _two_dims(name: str, A: Any, dim: Any) -> tuple[int, int]:
    if len(A.shape) < 2:
        raise RuntimeError(
            f"{name}: the input tensor A must have at least 2 dimensions, its shape is {tuple(A.shape)}"
        )
    if len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple, got {dim}")
    first, second = (wrap_dim(d, len(A.shape)) for d in dim)
    if first == second:
        raise RuntimeError(f"{name}: dims must be different, got {dim}")
    return first, second


@op
def linalg_matrix_norm(
    xp: Namespace,
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """Norm of matrices: 'fro', 'nuc' (sum of singular values), 1 and -1 (column sums), inf and -inf
    (row sums), 2 and -2 (largest and smallest singular value).
    """
    first, second = _two_dims("linalg.matrix_norm", A, dim)
    if dtype is not None:
        A = xp.cast(A, as_dtype(dtype).dtype)
    if ord == "fro":
        return xp.linalg_vector_norm(A, 2, (first, second), keepdim)
    if ord in (1, -1, math.inf, -math.inf):
        inner, outer = (first, second) if ord in (1, -1) else (second, first)
        sums = xp.linalg_vector_norm(A, 1, inner, True)
        return _spread_extremum(xp, sums, ord, outer, (first, second), keepdim)
    if ord not in (2, -2, "nuc"):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord!r} not supported; it is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    last = [i for i in range(len(A.shape)) if i not in (first, second)]
    values = xp.linalg_svdvals(xp.permute(A, (*last, first, second)))
    if ord == "nuc":
        out = xp.sum(values, -1)
    else:
        out = xp.amax(values, -1) if ord == 2 else -xp.amax(-values, -1)
    if keepdim:
        out = xp.reshape(
            out, tuple(1 if i in (first, second) else n for i, n in enumerate(A.shape))
        )
    return out


def _spread_extremum(
    xp: Namespace, sums: Any, ord: Any, outer: int, dims: Any, keepdim: bool
) -> Any:
    out = xp.amax(sums, outer, True) if ord > 0 else -xp.amax(-sums, outer, True)
    return out if keepdim else xp.squeeze(out, dims)


@linalg_matrix_norm.public
def linalg_matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    if dtype is not None:
        _check_dtype("linalg.matrix_norm", A, dtype)
    if category(A.dtype) < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: expected a floating-point or complex tensor, got {A.dtype}"
        )
    return linalg_matrix_norm.call(A, ord, dim, keepdim, dtype)


@linalg_matrix_norm.sample
def linalg_matrix_norm(make: Any) -> Any:
    for ord in ("fro", "nuc", 1, -1, 2, -2, math.inf):
        yield call(make(3, 2), ord)
    yield call(make(2, 3, 2), "fro", (0, 2), True)


@op
def linalg_norm(
    xp: Namespace,
    A: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """Norm of a vector or matrix: of the whole tensor where neither `ord` nor `dim` is given."""
    if dim is not None:
        dim = (dim,) if isinstance(dim, int) else tuple(dim)
        if len(dim) not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {dim}"
            )
    elif ord is not None and len(A.shape) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {len(A.shape)}D"
        )
    if ord is not None and (len(dim) == 2 if dim is not None else len(A.shape) == 2):
        return xp.linalg_matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype)
    if isinstance(ord, str):
        raise RuntimeError(
            f"linalg.norm: ord {ord!r} is for matrices, the input has shape {tuple(A.shape)}"
        )
    return xp.linalg_vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype)


@linalg_norm.public
def linalg_norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    if dtype is not None:
        _check_dtype("linalg.norm", A, dtype)
    return linalg_norm.call(A, ord, dim, keepdim, dtype)


@linalg_norm.sample
def linalg_norm(make: Any) -> Any:
    yield call(make(2, 3, 2))
    yield call(make(3), 3)
    yield call(make(3, 2), "nuc")
    yield call(make(2, 3), 1, -1)


@op
def norm(
    xp: Namespace,
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor:
    """`p`-norm over `dim` (all by default) of the elements; 'fro' is 2, 'nuc' takes singular values."""
    if p == "nuc":
        dims = (-2, -1) if dim is None else dim
        return xp.linalg_matrix_norm(input, "nuc", dims, keepdim, dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: only 'fro' and 'nuc' are names of norms, got {p!r}")
    return xp.linalg_vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype)


@norm.sample
def norm(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, 3), 1, 0)
    yield call(make(2, 3), p=3, dim=1, keepdim=True)


@op
def dist(xp: Namespace, input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """`p`-norm of `input - other`, as a 0-d tensor."""
    return xp.linalg_vector_norm(input - other, p)


dist.sample(lambda make: [call(make(2, 3), make(3)), call(make(3), make(3), 1)])


@op
def renorm(xp: Namespace, input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Slices of `input` along `dim`, each scaled down so that its `p`-norm is at most `maxnorm`."""
    at = wrap_dim(dim, len(input.shape))
    if len(input.shape) < 2 or p <= 0 or maxnorm < 0:
        raise RuntimeError(
            f"renorm: expected 2 or more dimensions, p > 0, maxnorm >= 0; got {len(input.shape)}, {p}, {maxnorm}"
        )
    others = tuple(i for i in range(len(input.shape)) if i != at)
    size = xp.linalg_vector_norm(input, p, others, True)
    return input * xp.where(xp.gt(size, maxnorm), maxnorm / (size + 1e-7), 1.0)


renorm.sample(lambda make: [call(make(3, 4), 2, 0, 1.0), call(make(2, 3, 2), 1, 1, 0.5)])
