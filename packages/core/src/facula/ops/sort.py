"""Sorting, and what is built on it: largest elements, medians, quantiles, searches, distinct values."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import B8, I64, as_dtype, category
from facula.ops._op import OPS, Namespace, Tensor, host_op, op
from facula.ops.dims import wrap_dim
from facula.testing.samples import call


def _pair_shape(input: Any, *_: Any) -> Any:
    return input.shape, input.shape


def _pair_dtype(input: Any, *_: Any) -> Any:
    return input.dtype, I64


@host_op(shape=_pair_shape, dtype=_pair_dtype, outputs=("values", "indices"), arithmetic=False)
def sort(xp: Namespace, input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """(values, indices) of `input` in order along `dim`. NaN counts as the largest; equal ones keep their order."""


def _scattered(xp: Namespace, g: Any, input_shape: Any, indices: Any, dim: int) -> Any:
    return xp.scatter(xp.full(input_shape, 0, g[0].dtype), dim, indices, g[0], "assign")


sort.vjp(input=_scattered)


def _row(input: Any, dim: int, name: str) -> tuple[Any, int, bool]:
    """`input` with at least one dimension, `dim` counted from the front, and whether it had none."""
    if input._array.dtype.kind == "c":
        raise RuntimeError(f"{name}: does not support complex inputs, got {input.dtype}")
    d = wrap_dim(dim, len(input._array.shape))
    scalar = not input._array.shape
    return (OPS["unsqueeze"].call(input, 0) if scalar else input), d, scalar


def _unrow(pair: Any, scalar: bool) -> Any:
    return type(pair)(*[OPS["squeeze"].call(x, 0) for x in pair]) if scalar else pair


@sort.public
def sort(input: Any, dim: Any = -1, descending: bool = False, *, stable: bool = False) -> Any:
    if isinstance(dim, bool):
        dim, descending = -1, dim
    input, d, scalar = _row(input, dim, "sort")
    return _unrow(sort.call(input, d, bool(descending), bool(stable)), scalar)


@sort.sample
def sort(make: Any) -> Any:
    yield call(make(5))
    yield call(make(3, 4), 0, True)
    yield call(make(), 0)
    yield call(make(6, dtype="int32"), stable=True)


@op
def argsort(xp: Namespace, input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Indices that put `input` in order along `dim`."""
    return xp.sort(input, dim, descending, stable)[1]


@argsort.public
def argsort(input: Any, dim: Any = -1, descending: bool = False, *, stable: bool = False) -> Any:
    return sort(input, dim, descending, stable=stable)[1]


@argsort.sample
def argsort(make: Any) -> Any:
    yield call(make(3, 4), 0, descending=True)


@op
def msort(xp: Namespace, input: Tensor) -> Tensor:
    """`input` in order along its first dimension."""
    return xp.sort(input, 0, False, True)[0]


@msort.public
def msort(input: Any) -> Any:
    return sort(input, 0, stable=True)[0]


@msort.sample
def msort(make: Any) -> Any:
    yield call(make(3, 4))


@op(outputs=("values", "indices"), arithmetic=False)
def topk(xp: Namespace, input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order."""
    values, indices = xp.sort(input, dim, largest, False)
    return xp.slice(values, dim, 0, k, 1), xp.slice(indices, dim, 0, k, 1)


topk.vjp(input=_scattered)


@topk.public
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    input, d, scalar = _row(input, dim, "topk")
    n = input._array.shape[d]
    if not 0 <= int(k) <= n:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {d} has {n} elements")
    return _unrow(topk.call(input, int(k), d, largest, sorted), scalar and k == 1)


@topk.sample
def topk(make: Any) -> Any:
    yield call(make(6), 2)
    yield call(make(3, 4), 2, 0, False)
    yield call(make(), 1)


@op(outputs=("values", "indices"), arithmetic=False)
def kthvalue(xp: Namespace, input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the `k`th smallest element along `dim`, counted from 1."""
    _values, indices = xp.sort(input, dim, False, True)
    return _picked(xp, input, xp.slice(indices, dim, k - 1, k, 1), dim, keepdim)


def _picked(xp: Namespace, input: Any, indices: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    values = xp.gather(input, dim, indices)
    return (values, indices) if keepdim else (xp.squeeze(values, dim), xp.squeeze(indices, dim))


@kthvalue.public
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    input, d, scalar = _row(input, dim, "kthvalue")
    n = input._array.shape[d]
    if n == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {d} to have non-zero size.")
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}: k is {k}, size {n}")
    pair = kthvalue.call(input, k, d, keepdim)
    return _unrow(pair, scalar and keepdim)


@kthvalue.sample
def kthvalue(make: Any) -> Any:
    yield call(make(5), 2)
    yield call(make(3, 4), 3, 0, True)


# ---- medians, modes, quantiles


@op(outputs=("values", "indices"), arithmetic=False)
def median(xp: Namespace, input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the lower median along `dim`, NaN where there is one; without `dim` that of all."""
    return _median(xp, input, dim, keepdim, False)


@op(outputs=("values", "indices"), arithmetic=False)
def nanmedian(xp: Namespace, input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the lower median along `dim` of what is not NaN; without `dim` that of all."""
    return _median(xp, input, dim, keepdim, True)


def _median(xp: Namespace, input: Any, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Any, Any]:
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
    return _picked(xp, input, middle, dim, keepdim)


def _median_public(op_: Any) -> Any:
    def public(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            if input._array.dtype.kind == "c":
                raise RuntimeError(f"{op_.name}: does not support complex inputs, got {input.dtype}")
            if prod(input._array.shape) == 0:
                return OPS["full"].call((), float("nan"), input._array.dtype)
            return op_.call(OPS["reshape"].call(input, (prod(input._array.shape),)), 0, False)[0]
        input, d, scalar = _row(input, dim, op_.name)
        if input._array.shape[d] == 0:
            raise IndexError(f"{op_.name}(): Expected reduction dim {d} to have non-zero size.")
        return _unrow(op_.call(input, d, keepdim), scalar and keepdim)

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
    return _picked(xp, input, xp.gather(indices, dim, best), dim, keepdim)


@mode.public
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    input, d, scalar = _row(input, dim, "mode")
    if input._array.shape[d] == 0:
        raise IndexError(f"mode(): Expected reduction dim {d} to have non-zero size.")
    return _unrow(mode.call(input, d, keepdim), scalar and keepdim)


@mode.sample
def mode(make: Any) -> Any:
    yield call(make.of([[1.0, 2.0, 2.0], [3.0, 1.0, 3.0]]))
    yield call(make.of([[1, 2, 2], [3, 1, 2]]), 0, True)


INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
def quantile(
    xp: Namespace, input: Tensor, q: Tensor, dim: int, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Tensor:
    """The `q`th quantiles (0 to 1) along `dim`, or of all elements; a vector `q` gives a first dimension.

    Between two elements `interpolation` is linear, lower, higher, midpoint or nearest. NaN in, NaN out.
    """
    values = xp.sort(input, dim, False, True)[0]
    n = input.shape[dim]
    is_nan = xp.ne(xp.stop(input), xp.stop(input))
    missing = xp.sum(xp.cast(is_nan, I64), dim, True)
    count = xp.cast(n - missing, input.dtype) if ignore_nan else xp.full(missing.shape, n, input.dtype)
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


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool) -> Any:
    if input._array.dtype.name not in ("float32", "float64"):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype, got {input.dtype}")
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not hasattr(q, "_array"):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = input.new_full((), q) if hasattr(input, "new_full") else input.detach().sum() * 0 + q
    elif q._array.dtype is not input._array.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor, got {q.dtype} and {input.dtype}")
    elif len(q._array.shape) > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, got shape {list(q._array.shape)}")
    elif has_values(q) and prod(q._array.shape) and not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if prod(input._array.shape) == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    return _quantile_along(input, q, dim, keepdim, interpolation, ignore_nan)


def _quantile_along(input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool) -> Any:
    ndim = len(input._array.shape)
    flat = input
    if dim is None:
        flat = OPS["reshape"].call(input, (prod(input._array.shape),))
    elif not ndim:
        flat = OPS["unsqueeze"].call(input, 0)
    d = wrap_dim(dim, ndim) if dim is not None else 0
    vector = q if q._array.shape else OPS["unsqueeze"].call(q, 0)
    out = quantile.call(flat, vector, d, keepdim and dim is not None and ndim > 0, interpolation, ignore_nan)
    if keepdim and dim is None:
        out = OPS["reshape"].call(out, (*out._array.shape, *(1,) * ndim))
    return out if q._array.shape else OPS["squeeze"].call(out, 0)


@quantile.public
def quantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@op
def nanquantile(xp: Namespace, input: Tensor, q: Tensor, dim: int, keepdim: bool, interpolation: str) -> Tensor:
    """`quantile` of the elements that are not NaN."""
    return xp.quantile(input, q, dim, keepdim, interpolation, True)


@nanquantile.public
def nanquantile(input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


@quantile.sample
def quantile(make: Any) -> Any:
    yield call(make(2, 5), 0.3)
    yield call(make(2, 5), make.of([0.25, 0.6]), 1)
    yield call(make(4), 0.4, 0, True, interpolation="midpoint")
    yield call(make(4), 0.4, interpolation="lower")


nanquantile.sample(quantile.samples)


# ---- searching


@op
def searchsorted(xp: Namespace, sorted_sequence: Tensor, input: Tensor, right: bool = False) -> Tensor:
    """Where each of `input` would go in `sorted_sequence` (its last dimension in order): int64 positions.

    Before equal elements, or after them with `right`. By halving steps, so any device can.
    """
    n = sorted_sequence.shape[-1]
    last = len(input.shape) - 1
    position = xp.full(tuple(input.shape), 0, I64)
    if n == 0:
        return position
    is_vector = len(sorted_sequence.shape) == 1
    step = 1 << (n.bit_length() - 1)
    while step:
        ahead = position + step
        at = xp.minimum(ahead, n) - 1
        if is_vector:
            there = xp.reshape(xp.index_select(sorted_sequence, 0, xp.reshape(at, (prod(at.shape),))), tuple(at.shape))
        else:
            there = xp.gather(sorted_sequence, last, at)
        passes = xp.bitwise_not(there > input if right else there >= input)
        position = xp.select_where(passes & xp.le(ahead, n), ahead, position)
        step >>= 1
    return position


@searchsorted.public
def searchsorted(
    sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False, side: Any = None, sorter: Any = None
) -> Any:
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True")
    if not hasattr(input, "_array"):
        if len(sorted_sequence._array.shape) != 1:
            raise RuntimeError("torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1")
        from facula.construct import tensor

        input = tensor(input, device=sorted_sequence.device)
    input = _check_search(sorted_sequence, input, sorter)
    if sorter is not None:
        sorted_sequence = OPS["gather"].call(sorted_sequence, len(sorted_sequence._array.shape) - 1, sorter)
    if sorted_sequence._array.dtype is not input._array.dtype:
        from facula.promotion import promote_types

        wide = promote_types(sorted_sequence.dtype, input.dtype).dtype
        sorted_sequence, input = OPS["cast"].call(sorted_sequence, wide), OPS["cast"].call(input, wide)
    out = searchsorted.call(sorted_sequence.detach(), input.detach(), right or side == "right")
    return OPS["cast"].call(out, as_dtype("int32").dtype) if out_int32 else out


def _check_search(boundaries: Any, input: Any, sorter: Any) -> Any:
    a, b = boundaries._array.shape, input._array.shape
    if not a:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension")
    if len(a) != 1 and (len(a) != len(b) or a[:-1] != b[:-1]):
        raise RuntimeError(
            f"torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(a)} and input value tensor {list(b)}"
        )
    if sorter is not None:
        if sorter._array.shape != a:
            raise RuntimeError(
                f"torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor {list(a)} "
                f"and got sorter tensor {list(sorter._array.shape)}"
            )
        if sorter._array.dtype is not I64:
            raise RuntimeError(f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}")
        if prod(a) and has_values(sorter) and bool(((sorter < 0) | (sorter >= a[-1])).any()):
            raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return input


@searchsorted.sample
def searchsorted(make: Any) -> Any:
    yield call(make.of([1.0, 2.0, 2.0, 5.0]), make.of([[0.5, 2.0], [5.0, 6.0]]))
    yield call(make.of([[1, 3, 5], [2, 2, 2]]), make.of([[3, 6], [2, 1]]), right=True)


@op
def bucketize(xp: Namespace, input: Tensor, boundaries: Tensor, right: bool = False) -> Tensor:
    """The bucket of each element between ascending `boundaries` (a vector): int64."""
    return xp.searchsorted(boundaries, input, right)


@bucketize.public
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    if len(boundaries._array.shape) != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({len(boundaries._array.shape)})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@bucketize.sample
def bucketize(make: Any) -> Any:
    yield call(make(2, 3), make.of([-1.0, 0.0, 1.0]))
    yield call(make.of([1, 2, 3]), make.of([1, 3]), right=True)


# ---- distinct values

_DYNAMIC = "the number of distinct values is not known before; sort, and compare neighbours"


@op(dynamic=_DYNAMIC, arithmetic=False)
def unique(xp: Namespace, input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The distinct values of `input` in order, or its distinct slices along `dim`.

    With `return_inverse` also where each element went, with `return_counts` also how often each came.
    """
    raise NotImplementedError


@unique.public
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    _refuse_without_values("unique", input)
    if dim is not None:
        return _unique_slices(input, wrap_dim(dim, len(input._array.shape)), return_inverse, return_counts, False)
    flat = OPS["reshape"].call(input.detach(), (prod(input._array.shape),))
    values, order = sort.call(flat, 0, False, True)
    starts = _run_starts(values)
    found = OPS["index_select"].call(values, 0, starts)
    inverse = None
    if return_inverse:
        groups = OPS["cumsum"].call(_changes(values), 0) - 1
        inverse = OPS["scatter"].call(order, 0, order, groups, "assign")
        inverse = OPS["reshape"].call(inverse, input._array.shape)
    return _unique_result(found, inverse, _lengths(starts, flat) if return_counts else None)


def _refuse_without_values(name: str, input: Any) -> None:
    if not has_values(input):
        raise NotImplementedError(f"'{name}' on device '{input.device}': {_DYNAMIC}")


def _changes(values: Any) -> Any:
    """1 where an element differs from the one before it; the first always does."""
    n = values._array.shape[0]
    if n == 0:
        return OPS["cast"].call(values, I64)
    differ = OPS["ne"].call(OPS["slice"].call(values, 0, 1, n, 1), OPS["slice"].call(values, 0, 0, n - 1, 1))
    first = OPS["eq"].call(OPS["slice"].call(values, 0, 0, 1, 1), OPS["slice"].call(values, 0, 0, 1, 1)) | True
    return OPS["cast"].call(OPS["join"].call((first, differ), 0), I64)


def _run_starts(values: Any) -> Any:
    return OPS["select"].call(OPS["nonzero"].call(_changes(values)), 1, 0)


def _lengths(starts: Any, flat: Any) -> Any:
    end = _count(starts, flat._array.shape[0])
    return OPS["diff"].call(OPS["join"].call((starts, end), 0), 1, 0)


def _count(like: Any, n: int) -> Any:
    from facula.autograd.record import create

    return create(OPS["full"], like._backend, (1,), n, I64)


def _unique_result(values: Any, inverse: Any, counts: Any) -> Any:
    parts = [x for x in (values, inverse, counts) if x is not None]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _unique_slices(input: Any, dim: int, return_inverse: bool, return_counts: bool, consecutive: bool) -> Any:
    import numpy as np

    from facula.ops.index import _constant

    rows = np.moveaxis(np.asarray(input._backend.to_numpy(input._array)), dim, 0)
    flat = rows.reshape(rows.shape[0], prod(rows.shape[1:]))
    if prod(rows.shape) == 0 and rows.shape[0] > 0:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    if consecutive:
        changed = np.concatenate([[True], (flat[1:] != flat[:-1]).any(axis=1)])[: len(flat)]
        first, inverse = np.flatnonzero(changed), np.cumsum(changed) - 1
        counts = np.diff(np.append(first, len(flat)))
    else:
        _, first, inverse, counts = np.unique(flat, axis=0, return_index=True, return_inverse=True, return_counts=True)
    values = OPS["index_select"].call(input, dim, _constant(np.asarray(first, np.int64), input))
    return _unique_result(
        values.detach(),
        _constant(np.asarray(inverse, np.int64).ravel(), input) if return_inverse else None,
        _constant(np.asarray(counts, np.int64), input) if return_counts else None,
    )


@unique.sample
def unique(make: Any) -> Any:
    yield call(make.of([3.0, 1.0, 3.0, 2.0]))
    yield call(make.of([[3, 1], [3, 2]]), return_inverse=True, return_counts=True)
    yield call(make.of([[3, 1], [3, 1], [0, 2]]), dim=0, return_counts=True)


@op(dynamic=_DYNAMIC, arithmetic=False)
def unique_consecutive(xp: Namespace, input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """`input` (or its slices along `dim`) with every run of equal elements made one."""
    raise NotImplementedError


@unique_consecutive.public
def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    _refuse_without_values("unique_consecutive", input)
    if dim is not None:
        return _unique_slices(input, wrap_dim(dim, len(input._array.shape)), return_inverse, return_counts, True)
    flat = OPS["reshape"].call(input.detach(), (prod(input._array.shape),))
    starts = _run_starts(flat)
    inverse = None
    if return_inverse:
        inverse = OPS["reshape"].call(OPS["cumsum"].call(_changes(flat), 0) - 1, input._array.shape)
    found = OPS["index_select"].call(flat, 0, starts)
    return _unique_result(found, inverse, _lengths(starts, flat) if return_counts else None)


@unique_consecutive.sample
def unique_consecutive(make: Any) -> Any:
    yield call(make.of([1.0, 1.0, 2.0, 1.0]))
    yield call(make.of([[1, 1], [1, 2]]), return_inverse=True, return_counts=True)


# ---- counting


@op(dynamic="use facula.nn.functional.one_hot(...).sum(0), or scatter_add on a tensor of known size", arithmetic=False)
def bincount(xp: Namespace, input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 to the largest occurs in a vector; with `weights` their sums."""
    raise NotImplementedError


@bincount.public
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    if input._array.dtype.kind not in "iu" or len(input._array.shape) != 1:
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got {input.dtype} of shape {list(input._array.shape)}"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if weights is not None and weights._array.shape != input._array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    _refuse_without_values("bincount", input)
    at = OPS["cast"].call(input, I64)
    n = input._array.shape[0]
    if n and int(at.min()) < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    size = builtins.max(int(at.max()) + 1 if n else 0, minlength)
    if weights is None:
        weights = at * 0 + 1
    elif weights._array.dtype.name not in ("float32", "float64"):
        weights = OPS["cast"].call(weights, as_dtype("float64").dtype)
    from facula.autograd.record import create

    zeros = create(OPS["full"], input._backend, (size,), 0, weights._array.dtype)
    return OPS["index_add"].call(zeros, 0, at, weights.detach()) if n else zeros


@bincount.sample
def bincount(make: Any) -> Any:
    yield call(make.of([1, 3, 1]))
    yield call(make.of([1, 3, 1]), make.of([0.5, 1.0, 2.0]), minlength=6)


@op
def histc(xp: Namespace, input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Counts of the elements in `bins` equal bins from `min` to `max` (of the data, where both are 0)."""
    flat = xp.reshape(input, (prod(input.shape),))
    low, high = xp.full((), min, input.dtype), xp.full((), max, input.dtype)
    if min == max and prod(input.shape):
        low, high = (xp.amin(flat, 0), xp.amax(flat, 0)) if min == 0 else (low, high)
        same = xp.eq(low, high)
        low, high = xp.select_where(same, low - 1, low), xp.select_where(same, high + 1, high)
    inside = xp.ge(flat, low) & xp.le(flat, high)
    scaled = (xp.select_where(inside, flat, low) - low) * bins / (high - low)
    at = xp.minimum(xp.cast(xp.floor(scaled), I64), bins - 1)
    return xp.index_add(xp.full((bins,), 0, input.dtype), 0, at, xp.cast(inside, input.dtype))


@histc.public
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    if input._array.dtype.kind in "iubc":
        raise RuntimeError(f'"histogram_cpu" not implemented for \'{input.dtype}\'')
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, got {bins}")
    if min > max:
        raise RuntimeError(f"torch.histc: max must be larger than min, got min {min} and max {max}")
    return histc.call(input.detach(), bins, min, max)


@histc.sample
def histc(make: Any) -> Any:
    yield call(make(20, grad=False), 4)
    yield call(make(20, grad=False), 3, -1, 1)


@op(outputs=("hist", "bin_edges"), dynamic="give the bin edges to searchsorted, and add up with scatter_add")
def histogram(
    xp: Namespace, input: Tensor, bins: Tensor, weight: Tensor | None = None, density: bool = False
) -> Any:
    """(counts, edges) of the elements between ascending edges `bins`, or in so many equal bins of `range`."""
    n = bins.shape[0] - 1
    flat = xp.reshape(input, (prod(input.shape),))
    inside = xp.ge(flat, xp.select(bins, 0, 0)) & xp.le(flat, xp.select(bins, 0, n))
    at = xp.minimum(xp.maximum(xp.searchsorted(bins, flat, True) - 1, 0), n - 1)
    counted = xp.cast(inside, input.dtype)
    if weight is not None:
        counted = counted * xp.reshape(weight, tuple(counted.shape))
    hist = xp.index_add(xp.full((n,), 0, input.dtype), 0, at, counted)
    return (hist / xp.sum(hist, 0, True) / xp.diff(bins, 1, 0) if density else hist), bins


@histogram.public
def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    _refuse_without_values("histogram", input)
    if isinstance(bins, int):
        bins = _edges(input, bins, range)
    elif bins._array.dtype is not input._array.dtype:
        raise RuntimeError(f"torch.histogram(): input and bins tensors should have the same dtype, got {input.dtype} and {bins.dtype}")
    elif len(bins._array.shape) != 1 or not bins._array.shape[0]:
        raise RuntimeError(f"torch.histogram(): bins tensor should be a vector with elements, got shape {list(bins._array.shape)}")
    if weight is not None and weight._array.shape != input._array.shape:
        raise RuntimeError("torch.histogram(): if weight tensor is provided it should have the same shape as the input tensor")
    return histogram.call(input.detach(), bins, weight, density)


def _edges(input: Any, bins: int, range: Any) -> Any:
    """`bins + 1` evenly spaced edges, over the data where no range is given."""
    from facula.construct import tensor

    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, got {bins}")
    has_data = prod(input._array.shape) > 0
    low, high = range or ((float(input.detach().min()), float(input.detach().max())) if has_data else (0.0, 1.0))
    if low > high:
        raise RuntimeError(f"torch.histogram(): max must be larger than min, got {low} and {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    values = [low + (high - low) * i / bins for i in builtins.range(bins)] + [high]
    return tensor(values, dtype=input.dtype, device=input.device)


@histogram.sample
def histogram(make: Any) -> Any:
    yield call(make(10, grad=False), 3)
    yield call(make(10, grad=False), make.of([-1.0, 0.0, 1.0]), density=True)
