"""Writing at index tensors, with or without a reduction."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.dtypes import I64, as_dtype, category, iinfo
from facula.ops._op import OPS, Namespace, Tensor, leaf, op
from facula.ops.dims import wrap_dim
from facula.ops.index import check_extent, check_index_dtype, spread_index, write_slices
from facula.ops.shape import expand, slice, squeeze, unsqueeze
from facula.ops.subscript import from_array
from facula.testing.samples import call


@leaf(shape=lambda input, *_: input.shape, arithmetic=False, inplace=True)
def scatter(
    xp: Namespace, input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str = "assign"
) -> Tensor:
    """`input` with `out[index[i][j]][j] = src[i][j]` (for `dim` 0), for every element of `index`.

    `reduce` 'sum', 'prod', 'amax' or 'amin' combines with what is there instead ('add' and
    'multiply' are PyTorch's older names). `src` may be a number.
    """


_REDUCES = {"add": "sum", "multiply": "prod", None: "assign"}


@scatter.public
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, value: Any = None, *, reduce: Any = None
) -> Any:
    if reduce not in _REDUCES:
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    return _scatter("scatter", input, dim, index, value if src is None else src, _REDUCES[reduce])


def _scatter(name: str, input: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    check_index_dtype(name, index)
    check_extent(name, input, dim, index, "self")
    if not hasattr(src, "_array"):
        src = from_array(input._backend, input._backend.full((), src, input._array.dtype))
        src = expand.call(src, index._array.shape)
    elif src._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}"
        )
    if prod(index._array.shape) == 0:
        return OPS["clone"].call(input)
    src = _cut(name, src, index)

    def run(x: Any, d: int, i: Any, s: Any) -> Any:
        return scatter.call(x, d, i, s, reduce)

    ndim = len(input._array.shape)
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    index, src = (t if t._array.shape else unsqueeze.call(t, 0) for t in (index, src))
    out = run(input if ndim else unsqueeze.call(input, 0), wrap_dim(dim, ndim), index, src)
    return out if ndim else squeeze.call(out, 0)


def _cut(name: str, src: Any, index: Any) -> Any:
    """The part of `src` that `index` reads."""
    a, b = index._array.shape, src._array.shape
    if builtins.max(len(a), 1) != builtins.max(len(b), 1) or any(n > m for n, m in zip(a, b)):
        raise RuntimeError(f"{name}(): Expected index {list(a)} to be no larger than src {list(b)}")
    for d, (n, m) in enumerate(zip(a, b)):
        if n < m:
            src = slice.call(src, d, 0, n, 1)
    return src


def _scatter_input(
    xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, out: Any
) -> Any:
    if reduce == "sum":
        return g
    if reduce == "assign":
        return xp.scatter(g, dim, index, xp.full(index.shape, 0, g.dtype), "assign")
    if reduce == "prod":
        return g * xp.scatter(xp.full(input.shape, 1, g.dtype), dim, index, src, "prod")
    return g * xp.cast(xp.eq(input, out), g.dtype) / _winners(xp, input, dim, index, src, out)


def _winners(xp: Any, input: Any, dim: int, index: Any, src: Any, out: Any) -> Any:
    """How many elements, of `input` and `src` together, equal each extremum."""
    won = xp.cast(xp.eq(src, xp.gather(out, dim, index)), out.dtype)
    return xp.scatter(xp.cast(xp.eq(input, out), out.dtype), dim, index, won, "sum")


def _scatter_src(
    xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, out: Any
) -> Any:
    if reduce in ("sum", "assign"):
        return xp.gather(g, dim, index)
    if reduce == "prod":
        return _scatter_prod_src(xp, g, input, dim, index, src, out)
    won = xp.cast(xp.eq(src, xp.gather(out, dim, index)), g.dtype)
    return xp.gather(g / _winners(xp, input, dim, index, src, out), dim, index) * won


def _scatter_prod_src(xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, out: Any) -> Any:
    """`g * out / src`, and where the one factor that is zero is `src`, the product of the others."""
    zero, one = xp.full((), 0, g.dtype), xp.full((), 1, g.dtype)
    is_zero = xp.eq(src, zero)
    zeros = xp.scatter(
        xp.full(input.shape, 0, g.dtype), dim, index, xp.cast(is_zero, g.dtype), "sum"
    )
    single = xp.gather(zeros, dim, index) == 1
    safe = xp.select_where(is_zero, one, src)
    others = xp.gather(
        xp.scatter(input, dim, index, xp.select_where(is_zero, one, src), "prod"), dim, index
    )
    plain = xp.gather(g * out, dim, index) / safe
    held = xp.select_where(single, xp.gather(g, dim, index) * others, zero)
    return xp.select_where(is_zero, held, plain)


scatter.vjp(input=_scatter_input, src=_scatter_src)


@scatter.sample
def scatter(make: Any) -> Any:
    at = make.of([[0, 2, 1], [1, 0, 0]], "int64")
    yield call(make(3, 4), 0, at, make(2, 3))
    yield call(make(3, 4), 0, at, 1.5)
    yield call(make(3, 4), 0, at, make(2, 3), reduce="add")
    yield call(make(3, 4), 0, at, make(2, 3), reduce="multiply")


@op(arithmetic=False, inplace=True)
def scatter_add(xp: Namespace, input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` with `src` added at `index` along `dim`; equal indices add up."""
    return xp.scatter(input, dim, index, src, "sum")


@scatter_add.public
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    return _scatter("scatter_add", input, dim, index, src, "sum")


@scatter_add.sample
def scatter_add(make: Any) -> Any:
    yield call(make(3, 4), 0, make.of([[0, 2, 1], [0, 0, 0]], "int64"), make(2, 3))


_KINDS = ("sum", "prod", "mean", "amax", "amin")


@op(inplace=True, arithmetic=False)
def scatter_reduce(
    xp: Namespace,
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    include_self: bool = True,
) -> Tensor:
    """`input` with the elements of `src` at equal `index` along `dim` reduced into it.

    `reduce` is 'sum', 'prod', 'mean', 'amax' or 'amin'; `include_self=False` leaves out what was there.
    """
    if not include_self:
        input = xp.scatter(input, dim, index, _neutral(xp, src, reduce), "assign")
    if reduce != "mean":
        return xp.scatter(input, dim, index, src, reduce)
    total = xp.scatter(input, dim, index, src, "sum")
    one = xp.expand(xp.full((), 1, input.dtype), tuple(src.shape))
    count = xp.scatter(
        xp.full(tuple(input.shape), int(include_self), input.dtype), dim, index, one, "sum"
    )
    count = xp.maximum(count, 1)
    return total / count if category(input.dtype) >= 2 else xp.floor_divide(total, count)


def _neutral(xp: Any, src: Any, reduce: str) -> Any:
    """What a reduction starts from, in the shape of `src`."""
    value: Any = {"sum": 0, "mean": 0, "prod": 1}.get(reduce)
    if value is None:
        kind = as_dtype(src.dtype)
        if kind.category >= 2:
            value = float("-inf") if reduce == "amax" else float("inf")
        elif kind.category == 0:
            value = reduce == "amin"
        else:
            value = iinfo(kind).min if reduce == "amax" else iinfo(kind).max
    return xp.full(tuple(src.shape), value, as_dtype(src.dtype).dtype)


@scatter_reduce.public
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    if reduce not in _KINDS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}."
        )
    check_index_dtype("scatter_reduce", index)
    check_extent("scatter_reduce", input, dim, index, "self")
    if src._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"scatter_reduce(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}"
        )
    if prod(index._array.shape) == 0:
        return OPS["clone"].call(input)
    src = _cut("scatter_reduce", src, index)
    ndim = len(input._array.shape)
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    index, src = (t if t._array.shape else unsqueeze.call(t, 0) for t in (index, src))
    flat = input if ndim else unsqueeze.call(input, 0)
    out = scatter_reduce.call(flat, wrap_dim(dim, ndim), index, src, reduce, include_self)
    return out if ndim else squeeze.call(out, 0)


@scatter_reduce.sample
def scatter_reduce(make: Any) -> Any:
    at = make.of([[0, 2, 1], [1, 0, 0]], "int64")
    for reduce in _KINDS:
        yield call(make(3, 4), 0, at, make(2, 3), reduce)
        yield call(make(3, 4), 0, at, make(2, 3), reduce, include_self=False)


@op(inplace=True, arithmetic=False)
def index_reduce(
    xp: Namespace,
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    include_self: bool = True,
) -> Tensor:
    """`input` with the slices of `source` along `dim` reduced ('prod', 'mean', 'amax', 'amin') into those at `index`."""
    return xp.scatter_reduce(
        input, dim, spread_index(xp, index, dim, source.shape), source, reduce, include_self
    )


@index_reduce.public
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    if reduce not in _KINDS[1:]:
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )

    def function(x: Any, d: int, i: Any, s: Any) -> Any:
        return index_reduce.call(x, d, i, s, reduce, include_self)

    return write_slices("index_reduce", function, input, dim, index, source)


@index_reduce.sample
def index_reduce(make: Any) -> Any:
    for reduce in _KINDS[1:]:
        yield call(make(3, 4), 1, make.of([0, 2, 0], "int64"), make(3, 3), reduce)
    yield call(make(3, 4), 1, make.of([0, 2, 0], "int64"), make(3, 3), "amax", include_self=False)
