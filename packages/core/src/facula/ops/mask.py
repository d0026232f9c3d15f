"""Masks: what is true, and what is done there."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.dtypes import I64
from facula.ops._op import OPS, Namespace, Tensor, leaf, op
from facula.ops.dims import broadcast_shapes, row_major
from facula.ops.subscript import as_value, fitting, from_array, nonzero_positions
from facula.testing.samples import call


@leaf(
    dynamic="use facula.where, or multiply by the mask: both keep the shape",
    dtype=I64,
    arithmetic=False,
)
def nonzero(xp: Namespace, input: Tensor) -> Tensor:
    """The indices of the elements that are not zero: int64, shape (count, dimensions of `input`).

    `as_tuple=True` gives a tuple of one index tensor per dimension instead.
    """


@nonzero.public
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    if as_tuple:
        return tuple(nonzero_positions(input))
    return nonzero.call(input)


@nonzero.sample
def nonzero(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]))
    yield call(make.of([True, False]), as_tuple=True)
    yield call(make.of(1))


@op(dynamic="use facula.where, which keeps the shape", arithmetic=False)
def argwhere(xp: Namespace, input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, one row for each."""
    return xp.nonzero(input)


@argwhere.sample
def argwhere(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]))


@op(dynamic="use facula.where, which keeps the shape", arithmetic=False)
def masked_select(xp: Namespace, input: Tensor, mask: Tensor) -> Tensor:
    """The elements of `input` where `mask` is true, in one dimension; the two are broadcast together."""
    shape = broadcast_shapes(input.shape, mask.shape)
    mask = xp.reshape(xp.expand(mask, shape), (-1,))
    at = xp.select(xp.nonzero(mask), 1, 0)
    return xp.index_select(xp.reshape(xp.expand(input, shape), (prod(shape),)), 0, at)


@masked_select.public
def masked_select(input: Any, mask: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}")
    return masked_select.call(input, mask)


@masked_select.sample
def masked_select(make: Any) -> Any:
    yield call(make(2, 3), make.of([[True, False, True], [False, False, True]]))
    yield call(make(3), make.of([[True], [False]]))


@op(arithmetic=False, inplace=True)
def masked_fill(xp: Namespace, input: Tensor, mask: Tensor, value: Tensor) -> Tensor:
    """`input` with `value` (a number or 0-d tensor) where `mask` is true; the two are broadcast."""
    return xp.select_where(mask, xp.cast(value, input.dtype), input)


@masked_fill.public
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if hasattr(value, "_array"):
        if value._array.shape:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with "
                f"{len(value._array.shape)} dimension(s)."
            )
        if value.is_complex() and not input.is_complex():
            raise RuntimeError(
                f"value cannot be converted to type {input.dtype} without overflow (in masked_fill)"
            )
        value = fitting(as_value(value, input), input)
    else:
        _check_scalar(value, input, "masked_fill")
        value = from_array(input._backend, input._backend.full((), value, input._array.dtype))
    return OPS["select_where"].call(mask, value, input)


def _check_scalar(value: Any, input: Any, name: str) -> None:
    kind = input._array.dtype.kind
    if (isinstance(value, complex) and kind != "c") or (
        kind in "iu" and isinstance(value, float) and not value.is_integer() and abs(value) > 2**63
    ):
        raise RuntimeError(
            f"value cannot be converted to type {input.dtype} without overflow (in {name})"
        )


@masked_fill.sample
def masked_fill(make: Any) -> Any:
    yield call(make(2, 3), make.of([True, False, True]), 1.5)
    yield call(make(2, 3), make.of([[True], [False]]), make())


@op(dynamic="use facula.where with a tensor of full size", arithmetic=False, inplace=True)
def masked_scatter(xp: Namespace, input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements where `mask` is true replaced by those of `source`, one after another."""
    shape = broadcast_shapes(input.shape, mask.shape)
    count = prod(shape)
    at = xp.select(xp.nonzero(xp.reshape(xp.expand(mask, shape), (count,))), 1, 0)
    flat = xp.reshape(source, (prod(source.shape),))
    if at.shape[0] > flat.shape[0]:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have enough elements: the mask has {at.shape[0]} true "
            f"ones, source has {flat.shape[0]} elements"
        )
    flat = xp.slice(flat, 0, 0, at.shape[0], 1)
    return xp.reshape(
        xp.index_copy(xp.reshape(xp.expand(input, shape), (count,)), 0, at, flat), shape
    )


@masked_scatter.public
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if source._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"masked_scatter_: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}"
        )
    return masked_scatter.call(input, mask, source)


@masked_scatter.sample
def masked_scatter(make: Any) -> Any:
    yield call(make(2, 3), make.of([[True, False, True], [False, True, False]]), make(4))


@op(arithmetic=False)
def nonzero_static(xp: Namespace, input: Tensor, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero(input)`; missing ones are `fill_value`. The shape is known before."""
    count, ndim = prod(input.shape), len(input.shape)
    hit = xp.ne(xp.reshape(input, (count,)), 0)
    rank = xp.cumsum(xp.cast(hit, I64), 0) - 1
    place = xp.select_where(
        hit & xp.lt(rank, size), rank, xp.full((), size, I64)
    )  # one row more, for the rest
    flat = xp.sequence(0, 1, count, I64)
    columns = []
    for n, step in zip(input.shape, row_major(input.shape)):
        column = xp.remainder(xp.floor_divide(flat, step), builtins.max(n, 1))
        filled = xp.index_copy(xp.full((size + 1,), fill_value, I64), 0, place, column)
        columns.append(xp.slice(filled, 0, 0, size, 1))
    return xp.stack(tuple(columns), 1) if ndim else xp.full((size, 0), 0, I64)


@nonzero_static.public
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    return nonzero_static.call(input, size, fill_value)


@nonzero_static.sample
def nonzero_static(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]), size=3)
    yield call(make.of([True, False, True]), size=1)
