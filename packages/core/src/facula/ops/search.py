"""Searches in sorted sequences, and counts in bins."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import I64, as_dtype
from facula.ops._op import OPS, Namespace, Tensor, op
from facula.ops.unique import refuse_without_values
from facula.testing.samples import call


@op
def searchsorted(
    xp: Namespace, sorted_sequence: Tensor, input: Tensor, right: bool = False
) -> Tensor:
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
            there = xp.reshape(
                xp.index_select(sorted_sequence, 0, xp.reshape(at, (prod(at.shape),))),
                tuple(at.shape),
            )
        else:
            there = xp.gather(sorted_sequence, last, at)
        passes = xp.bitwise_not(there > input if right else there >= input)
        position = xp.select_where(passes & xp.le(ahead, n), ahead, position)
        step >>= 1
    return position


@searchsorted.public
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Any = None,
    sorter: Any = None,
) -> Any:
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    if not hasattr(input, "_array"):
        if len(sorted_sequence._array.shape) != 1:
            raise RuntimeError(
                "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1"
            )
        from facula.construct import tensor

        input = tensor(input, device=sorted_sequence.device)
    input = _check_search(sorted_sequence, input, sorter)
    if sorter is not None:
        sorted_sequence = OPS["gather"].call(
            sorted_sequence, len(sorted_sequence._array.shape) - 1, sorter
        )
    if sorted_sequence._array.dtype is not input._array.dtype:
        from facula.promotion import promote_types

        wide = promote_types(sorted_sequence.dtype, input.dtype).dtype
        sorted_sequence, input = (
            OPS["cast"].call(sorted_sequence, wide),
            OPS["cast"].call(input, wide),
        )
    out = searchsorted.call(sorted_sequence.detach(), input.detach(), right or side == "right")
    return OPS["cast"].call(out, as_dtype("int32").dtype) if out_int32 else out


def _check_search(boundaries: Any, input: Any, sorter: Any) -> Any:
    a, b = boundaries._array.shape, input._array.shape
    if not a:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
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
            raise RuntimeError(
                f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}"
            )
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
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({len(boundaries._array.shape)})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@bucketize.sample
def bucketize(make: Any) -> Any:
    yield call(make(2, 3), make.of([-1.0, 0.0, 1.0]))
    yield call(make.of([1, 2, 3]), make.of([1, 3]), right=True)


@op(
    dynamic="use facula.nn.functional.one_hot(...).sum(0), or scatter_add on a tensor of known size",
    arithmetic=False,
)
def bincount(
    xp: Namespace, input: Tensor, weights: Tensor | None = None, minlength: int = 0
) -> Tensor:
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
    refuse_without_values("bincount", input)
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
        raise RuntimeError(f"\"histogram_cpu\" not implemented for '{input.dtype}'")
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, got {bins}")
    if min > max:
        raise RuntimeError(f"torch.histc: max must be larger than min, got min {min} and max {max}")
    return histc.call(input.detach(), bins, min, max)


@histc.sample
def histc(make: Any) -> Any:
    yield call(make(20, grad=False), 4)
    yield call(make(20, grad=False), 3, -1, 1)


@op(
    outputs=("hist", "bin_edges"),
    dynamic="give the bin edges to searchsorted, and add up with scatter_add",
)
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
def histogram(
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    refuse_without_values("histogram", input)
    if isinstance(bins, int):
        bins = _edges(input, bins, range)
    elif bins._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"torch.histogram(): input and bins tensors should have the same dtype, got {input.dtype} and {bins.dtype}"
        )
    elif len(bins._array.shape) != 1 or not bins._array.shape[0]:
        raise RuntimeError(
            f"torch.histogram(): bins tensor should be a vector with elements, got shape {list(bins._array.shape)}"
        )
    if weight is not None and weight._array.shape != input._array.shape:
        raise RuntimeError(
            "torch.histogram(): if weight tensor is provided it should have the same shape as the input tensor"
        )
    return histogram.call(input.detach(), bins, weight, density)


def _edges(input: Any, bins: int, range: Any) -> Any:
    """`bins + 1` evenly spaced edges, over the data where no range is given."""
    from facula.construct import tensor

    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, got {bins}")
    has_data = prod(input._array.shape) > 0
    low, high = range or (
        (float(input.detach().min()), float(input.detach().max())) if has_data else (0.0, 1.0)
    )
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
