"""Triangles, diagonals, and writes in the place of a view."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.dtypes import I64
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import wrap_dim
from facula.ops.shape import as_strided, diagonal, select, slice
from facula.testing.samples import call


def _triangle(name: str, doc: str, lower: bool) -> Any:
    def function(xp: Namespace, input: Tensor, diagonal: int = 0) -> Tensor:
        shape = input.shape
        if len(shape) < 2:
            raise RuntimeError(
                f"{name}: input tensor must have at least 2 dimensions, got shape {list(shape)}"
            )
        rows = xp.view(xp.sequence(diagonal, 1, shape[-2], I64), (shape[-2], 1))
        columns = xp.sequence(0, 1, shape[-1], I64)
        kept = columns <= rows if lower else columns >= rows
        return xp.select_where(kept, xp.contiguous(input), xp.full((), 0, input.dtype))

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "diagonal": "int"}

    def samples(make: Any) -> Any:
        yield call(make(3, 4))
        yield call(make(2, 3, 3), -1)
        yield call(make(3, 2), 1)

    defined = op(arithmetic=False, inplace=True)(function).sample(samples)
    return defined.vjp(input=lambda xp, g, diagonal: getattr(xp, name)(g, diagonal))


tril = _triangle(
    "tril",
    "The lower triangle of the last two dimensions, up to `diagonal`; zeros elsewhere.",
    True,
)


triu = _triangle(
    "triu",
    "The upper triangle of the last two dimensions, from `diagonal` on; zeros elsewhere.",
    False,
)


@op(arithmetic=False)
def diag_embed(
    xp: Namespace, input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Tensor:
    """Square matrices in `dim1` and `dim2`, with the last dimension of `input` on their diagonal."""
    shape = input.shape
    ndim = len(shape) + 1
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = shape[-1] + abs(offset)
    size = list(shape[:-1])
    for d in sorted((a, b)):
        size.insert(d, n)
    return xp.write_view(xp.full(tuple(size), 0, input.dtype), input, ((diagonal, (offset, a, b)),))


@diag_embed.sample
def diag_embed(make: Any) -> Any:
    yield call(make(3))
    yield call(make(2, 3), 1)
    yield call(make(2, 3), -1, 0, 2)


@op(alias=True, arithmetic=False)
def diag(xp: Namespace, input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal."""
    ndim = len(input.shape)
    if ndim == 1:
        return xp.diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return xp.clone(xp.diagonal(input, diagonal, 0, 1))


@diag.sample
def diag(make: Any) -> Any:
    yield call(make(3))
    yield call(make(3, 4), 1)
    yield call(make(2), -1)


@op(arithmetic=False)
def diagflat(xp: Namespace, input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with the elements of `input` on its diagonal."""
    return xp.diag_embed(xp.reshape(input, (prod(input.shape),)), offset)


@diagflat.sample
def diagflat(make: Any) -> Any:
    yield call(make(2, 2))
    yield call(make(), 1)


@op(arithmetic=False)
def diagonal_scatter(
    xp: Namespace, input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """`input` with its diagonal replaced by `src`."""
    ndim = len(input.shape)
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    return _replaced(xp, input, src, diagonal, (offset, a, b))


def _replaced(xp: Any, input: Any, src: Any, view_op: Any, options: Any) -> Any:
    wanted = getattr(xp, view_op.name)(input, *options).shape
    if tuple(wanted) != tuple(src.shape):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(wanted)}"
        )
    return xp.write_view(input, src, ((view_op, options),))


@diagonal_scatter.sample
def diagonal_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(3))


@op(arithmetic=False)
def select_scatter(xp: Namespace, input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """`input` with element `index` of dimension `dim` replaced by `src`."""
    d = wrap_dim(dim, len(input.shape))
    n = input.shape[d] if input.shape else 0
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {d}"
        )
    return _replaced(xp, input, src, select, (d, index % n))


@select_scatter.sample
def select_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(3), 1, -1)


@op(arithmetic=False)
def slice_scatter(
    xp: Namespace,
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Tensor:
    """`input` with `input[start:end:step]` along `dim` replaced by `src`."""
    d = wrap_dim(dim, len(input.shape))
    a, b, _ = builtins.slice(start, end, step).indices(input.shape[d])
    return _replaced(xp, input, src, slice, (d, a, builtins.max(a, b), step))


@slice_scatter.sample
def slice_scatter(make: Any) -> Any:
    yield call(make(5, 2), make(2, 2), 0, 1, 4, 2)


@op(arithmetic=False)
def as_strided_scatter(
    xp: Namespace, input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int = 0
) -> Tensor:
    """`input` with what `as_strided` reads of it replaced by `src`."""
    return _replaced(
        xp, xp.contiguous(input), src, as_strided, (tuple(size), tuple(stride), storage_offset or 0)
    )


@as_strided_scatter.public
def as_strided_scatter(
    input: Any, src: Any, size: Any, stride: Any, storage_offset: Any = None
) -> Any:
    as_strided(input, size, stride, storage_offset)  # raises where they do not fit
    return as_strided_scatter.call(input, src, size, stride, storage_offset)


@as_strided_scatter.sample
def as_strided_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(2, 2), (2, 2), (4, 1), 1)
