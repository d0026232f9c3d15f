"""Sorting, and what is built on it: largest elements, medians, quantiles, searches, distinct values."""

from __future__ import annotations

from typing import Any

from facula.dtypes import I64
from facula.ops._op import OPS, Namespace, Tensor, host_op, op
from facula.ops.dims import wrap_dim
from facula.testing.samples import call


def _pair_shape(input: Any, *_: Any) -> Any:
    return input.shape, input.shape


def _pair_dtype(input: Any, *_: Any) -> Any:
    return input.dtype, I64


@host_op(shape=_pair_shape, dtype=_pair_dtype, outputs=("values", "indices"), arithmetic=False)
def sort(
    xp: Namespace, input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> Any:
    """(values, indices) of `input` in order along `dim`. NaN counts as the largest; equal ones keep their order."""


def _scattered(xp: Namespace, g: Any, input_shape: Any, indices: Any, dim: int) -> Any:
    return xp.scatter(xp.full(input_shape, 0, g[0].dtype), dim, indices, g[0], "assign")


sort.vjp(input=_scattered)


def as_row(input: Any, dim: int, name: str) -> tuple[Any, int, bool]:
    """`input` with at least one dimension, `dim` counted from the front, and whether it had none."""
    if input._array.dtype.kind == "c":
        raise RuntimeError(f"{name}: does not support complex inputs, got {input.dtype}")
    d = wrap_dim(dim, len(input._array.shape))
    scalar = not input._array.shape
    return (OPS["unsqueeze"].call(input, 0) if scalar else input), d, scalar


def undo_row(pair: Any, scalar: bool) -> Any:
    return type(pair)(*[OPS["squeeze"].call(x, 0) for x in pair]) if scalar else pair


@sort.public
def sort(input: Any, dim: Any = -1, descending: bool = False, *, stable: bool = False) -> Any:
    if isinstance(dim, bool):
        dim, descending = -1, dim
    input, d, scalar = as_row(input, dim, "sort")
    return undo_row(sort.call(input, d, bool(descending), bool(stable)), scalar)


@sort.sample
def sort(make: Any) -> Any:
    yield call(make(5))
    yield call(make(3, 4), 0, True)
    yield call(make(), 0)
    yield call(make(6, dtype="int32"), stable=True)


@op
def argsort(
    xp: Namespace, input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> Tensor:
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
def topk(
    xp: Namespace, input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Any:
    """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order."""
    values, indices = xp.sort(input, dim, largest, False)
    return xp.slice(values, dim, 0, k, 1), xp.slice(indices, dim, 0, k, 1)


topk.vjp(input=_scattered)


@topk.public
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    input, d, scalar = as_row(input, dim, "topk")
    n = input._array.shape[d]
    if not 0 <= int(k) <= n:
        raise RuntimeError(
            f"selected index k out of range: k is {k}, dimension {d} has {n} elements"
        )
    return undo_row(topk.call(input, int(k), d, largest, sorted), scalar and k == 1)


@topk.sample
def topk(make: Any) -> Any:
    yield call(make(6), 2)
    yield call(make(3, 4), 2, 0, False)
    yield call(make(), 1)


@op(outputs=("values", "indices"), arithmetic=False)
def kthvalue(xp: Namespace, input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(value, index) of the `k`th smallest element along `dim`, counted from 1."""
    _values, indices = xp.sort(input, dim, False, True)
    return picked(xp, input, xp.slice(indices, dim, k - 1, k, 1), dim, keepdim)


def picked(xp: Namespace, input: Any, indices: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    values = xp.gather(input, dim, indices)
    return (values, indices) if keepdim else (xp.squeeze(values, dim), xp.squeeze(indices, dim))


@kthvalue.public
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    input, d, scalar = as_row(input, dim, "kthvalue")
    n = input._array.shape[d]
    if n == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {d} to have non-zero size.")
    if not 1 <= k <= n:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {d}: k is {k}, size {n}"
        )
    pair = kthvalue.call(input, k, d, keepdim)
    return undo_row(pair, scalar and keepdim)


@kthvalue.sample
def kthvalue(make: Any) -> Any:
    yield call(make(5), 2)
    yield call(make(3, 4), 3, 0, True)
