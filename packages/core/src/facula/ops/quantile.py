"""Medians, modes, quantiles."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import B8, I64, category
from facula.ops._op import OPS, Namespace, Tensor, op
from facula.ops.dims import wrap_dim
from facula.ops.sort import as_row, picked, undo_row
from facula.testing.samples import call


@op(outputs=("values", "indices"), arithmetic=False)
def median(xp: Namespace, input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the lower median along `dim`, NaN where there is one; without `dim` that of all."""
    return _median(xp, input, dim, keepdim, False)


@op(outputs=("values", "indices"), arithmetic=False)
def nanmedian(xp: Namespace, input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the lower median along `dim` of what is not NaN; without `dim` that of all."""
    return _median(xp, input, dim, keepdim, True)


def _median(
    xp: Namespace, input: Any, dim: int, keepdim: bool, ignore_nan: bool
) -> tuple[Any, Any]:
    values, indices = xp.sort(xp.stop(input), dim, False, True)
    n = input.shape[dim]
    middle = xp.slice(indices, dim, (n - 1) // 2, (n - 1) // 2 + 1, 1)
    if category(input.dtype) >= 2:
        is_nan = xp.ne(values, values)
        count = n - xp.sum(xp.cast(is_nan, I64), dim, True)  # NaN come last
        if ignore_nan:
            at = xp.floor_divide(xp.maximum(count, 1) - 1, 2)
            middle = xp.gather(indices, dim, at)
        else:
            at = xp.minimum(count, n - 1)
            middle = xp.select_where(xp.lt(count, n), xp.gather(indices, dim, at), middle)
    return picked(xp, input, middle, dim, keepdim)


def _median_public(op_: Any) -> Any:
    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            if input._array.dtype.kind == "c":
                raise RuntimeError(
                    f"{op_.name}: does not support complex inputs, got {input.dtype}"
                )
            if prod(input._array.shape) == 0:
                return OPS["full"].call((), float("nan"), input._array.dtype)
            return op_.call(OPS["reshape"].call(input, (prod(input._array.shape),)), 0, False)[0]
        input, d, scalar = as_row(input, dim, op_.name)
        if input._array.shape[d] == 0:
            raise IndexError(f"{op_.name}(): Expected reduction dim {d} to have non-zero size.")
        return undo_row(op_.call(input, d, keepdim), scalar and keepdim)

    def samples(make: Any) -> Any:
        yield call(make(2, 3))
        yield call(make(3, 4), 0)
        yield call(make(3, 5), -1, True)
        yield call(make.of([1.0, float("nan"), 0.5, 2.0]))

    public.__name__ = op_.name
    return op_.public(public).sample(samples)


_median_public(median)


_median_public(nanmedian)


@op(outputs=("values", "indices"), arithmetic=False)
def mode(xp: Namespace, input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the most frequent element along `dim`; of several the smallest, its last index."""
    values, indices = xp.sort(xp.stop(input), dim, False, True)
    n = input.shape[dim]
    changed = xp.ne(xp.slice(values, dim, 1, n, 1), xp.slice(values, dim, 0, n - 1, 1))
    edge = xp.full((*input.shape[:dim], 1, *input.shape[dim + 1 :]), True, B8)
    starts, ends = xp.join((edge, changed), dim), xp.join((changed, edge), dim)
    at = xp.view(xp.sequence(0, 1, n, I64), (n,) + (1,) * (len(input.shape) - dim - 1))
    zero = xp.full((), 0, I64)
    begin = xp.cummax(xp.select_where(starts, at, zero), dim)[0]
    length = xp.select_where(ends, at - begin + 1, zero)
    best = xp.argmax(length, dim, True)
    return picked(xp, input, xp.gather(indices, dim, best), dim, keepdim)


@mode.public
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    input, d, scalar = as_row(input, dim, "mode")
    if input._array.shape[d] == 0:
        raise IndexError(f"mode(): Expected reduction dim {d} to have non-zero size.")
    return undo_row(mode.call(input, d, keepdim), scalar and keepdim)


@mode.sample
def mode(make: Any) -> Any:
    yield call(make.of([[1.0, 2.0, 2.0], [3.0, 1.0, 3.0]]))
    yield call(make.of([[1, 2, 2], [3, 1, 2]]), 0, True)


INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
def quantile(
    xp: Namespace,
    input: Tensor,
    q: Tensor,
    dim: int,
    keepdim: bool,
    interpolation: str,
    ignore_nan: bool,
) -> Tensor:
    """The `q`th quantiles (0 to 1) along `dim`, or of all elements; a vector `q` gives a first dimension.

    Between two elements `interpolation` is linear, lower, higher, midpoint or nearest. NaN in, NaN out.
    """
    values = xp.sort(input, dim, False, True)[0]
    n = input.shape[dim]
    is_nan = xp.ne(xp.stop(input), xp.stop(input))
    missing = xp.sum(xp.cast(is_nan, I64), dim, True)
    count = (
        xp.cast(n - missing, input.dtype) if ignore_nan else xp.full(missing.shape, n, input.dtype)
    )
    lead = (q.shape[0],) + (1,) * len(input.shape)
    rank = xp.view(q, lead) * xp.expand(count - 1, (1, *count.shape))
    if interpolation == "nearest":
        rank = xp.round(rank)
    elif interpolation == "lower":
        rank = xp.floor(rank)
    elif interpolation == "higher":
        rank = xp.ceil(rank)
    low = xp.floor(xp.stop(rank))
    weight = xp.full((), 0.5, input.dtype) if interpolation == "midpoint" else rank - low
    if interpolation == "midpoint":
        weight = xp.select_where(xp.eq(low, xp.stop(rank)), xp.full((), 0, input.dtype), weight)
    if not ignore_nan:
        last = xp.full((), n - 1, input.dtype)
        low = xp.select_where(xp.expand(xp.gt(missing, 0), (1, *missing.shape)), last, low)
    at = xp.cast(xp.maximum(low, 0), I64)
    after = xp.minimum(at + 1, n - 1)
    values = xp.expand(xp.view(values, (1, *values.shape)), (q.shape[0], *values.shape))
    a, b = xp.gather(values, dim + 1, at), xp.gather(values, dim + 1, after)
    if ignore_nan:  # nothing beyond the last element that is not NaN
        b = xp.select_where(xp.ne(xp.stop(b), xp.stop(b)), a, b)
    moved = a + (b - a) * weight if interpolation in ("linear", "midpoint") else a
    return moved if keepdim else xp.squeeze(moved, dim + 1)


def _quantile(
    name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Any:
    if input._array.dtype.name not in ("float32", "float64"):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, got {input.dtype}"
        )
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not hasattr(q, "_array"):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = input.new_full((), q) if hasattr(input, "new_full") else input.detach().sum() * 0 + q
    elif q._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"{name}() q tensor must be same dtype as the input tensor, got {q.dtype} and {input.dtype}"
        )
    elif len(q._array.shape) > 1:
        raise RuntimeError(
            f"{name}() q must be a scalar or 1D tensor, got shape {list(q._array.shape)}"
        )
    elif has_values(q) and prod(q._array.shape) and not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if prod(input._array.shape) == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    return _quantile_along(input, q, dim, keepdim, interpolation, ignore_nan)


def _quantile_along(
    input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Any:
    ndim = len(input._array.shape)
    flat = input
    if dim is None:
        flat = OPS["reshape"].call(input, (prod(input._array.shape),))
    elif not ndim:
        flat = OPS["unsqueeze"].call(input, 0)
    d = wrap_dim(dim, ndim) if dim is not None else 0
    vector = q if q._array.shape else OPS["unsqueeze"].call(q, 0)
    out = quantile.call(
        flat, vector, d, keepdim and dim is not None and ndim > 0, interpolation, ignore_nan
    )
    if keepdim and dim is None:
        out = OPS["reshape"].call(out, (*out._array.shape, *(1,) * ndim))
    return out if q._array.shape else OPS["squeeze"].call(out, 0)


@quantile.public
def quantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@op
def nanquantile(
    xp: Namespace, input: Tensor, q: Tensor, dim: int, keepdim: bool, interpolation: str
) -> Tensor:
    """`quantile` of the elements that are not NaN."""
    return xp.quantile(input, q, dim, keepdim, interpolation, True)


@nanquantile.public
def nanquantile(
    input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


@quantile.sample
def quantile(make: Any) -> Any:
    yield call(make(2, 5), 0.3)
    yield call(make(2, 5), make.of([0.25, 0.6]), 1)
    yield call(make(4), 0.4, 0, True, interpolation="midpoint")
    yield call(make(4), 0.4, interpolation="lower")


nanquantile.sample(quantile.samples)
