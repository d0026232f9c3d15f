"""Distinct values."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.autograd.mode import Mode, has_values, state
from facula.dtypes import I64
from facula.ops._op import OPS, Namespace, Tensor, op
from facula.ops.dims import wrap_dim
from facula.ops.sort import sort
from facula.testing.samples import call

_DYNAMIC = "the number of distinct values is not known before; sort, and compare neighbours"


@op(dynamic=_DYNAMIC, arithmetic=False)
def unique(
    xp: Namespace,
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """The distinct values of `input` in order, or its distinct slices along `dim`.

    With `return_inverse` also where each element went, with `return_counts` also how often each came.
    """
    raise NotImplementedError


@unique.public
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    refuse_without_values("unique", input)
    if dim is not None:
        return _unique_slices(
            input, wrap_dim(dim, len(input._array.shape)), return_inverse, return_counts, False
        )
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


def refuse_without_values(name: str, input: Any) -> None:
    """Raises what the device says of an op whose result's shape is not known: NotImplementedError, CaptureError in a capture."""
    if not has_values(input):
        if isinstance(state.mode, Mode):
            state.mode.touch(input)
        getattr(input._backend, name)(input._array)


def _changes(values: Any) -> Any:
    """1 where an element differs from the one before it; the first always does."""
    n = values._array.shape[0]
    if n == 0:
        return OPS["cast"].call(values, I64)
    differ = OPS["ne"].call(
        OPS["slice"].call(values, 0, 1, n, 1), OPS["slice"].call(values, 0, 0, n - 1, 1)
    )
    first = (
        OPS["eq"].call(OPS["slice"].call(values, 0, 0, 1, 1), OPS["slice"].call(values, 0, 0, 1, 1))
        | True
    )
    return OPS["cast"].call(OPS["join"].call((first, differ), 0), I64)


def _run_starts(values: Any) -> Any:
    return OPS["select"].call(OPS["nonzero"].call(_changes(values)), 1, 0)


def _lengths(starts: Any, flat: Any) -> Any:
    end = _one_number(starts, flat._array.shape[0])
    return OPS["diff"].call(OPS["join"].call((starts, end), 0), 1, 0)


def _one_number(like: Any, n: int) -> Any:
    from facula.autograd.record import create

    return create(OPS["full"], like._backend, (1,), n, I64)


def _unique_result(values: Any, inverse: Any, counts: Any) -> Any:
    parts = [x for x in (values, inverse, counts) if x is not None]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _unique_slices(
    input: Any, dim: int, return_inverse: bool, return_counts: bool, consecutive: bool
) -> Any:
    import numpy as np

    from facula.ops.subscript import constant

    rows = np.moveaxis(np.asarray(input._backend.to_numpy(input._array)), dim, 0)
    flat = rows.reshape(rows.shape[0], prod(rows.shape[1:]))
    if prod(rows.shape) == 0 and rows.shape[0] > 0:
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied"
        )
    if consecutive:
        changed = np.concatenate([[True], (flat[1:] != flat[:-1]).any(axis=1)])[: len(flat)]
        first, inverse = np.flatnonzero(changed), np.cumsum(changed) - 1
        counts = np.diff(np.append(first, len(flat)))
    else:
        _, first, inverse, counts = np.unique(
            flat, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
    values = OPS["index_select"].call(input, dim, constant(np.asarray(first, np.int64), input))
    return _unique_result(
        values.detach(),
        constant(np.asarray(inverse, np.int64).ravel(), input) if return_inverse else None,
        constant(np.asarray(counts, np.int64), input) if return_counts else None,
    )


@unique.sample
def unique(make: Any) -> Any:
    yield call(make.of([3.0, 1.0, 3.0, 2.0]))
    yield call(make.of([[3, 1], [3, 2]]), return_inverse=True, return_counts=True)
    yield call(make.of([[3, 1], [3, 1], [0, 2]]), dim=0, return_counts=True)


@op(dynamic=_DYNAMIC, arithmetic=False)
def unique_consecutive(
    xp: Namespace,
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """`input` (or its slices along `dim`) with every run of equal elements made one."""
    raise NotImplementedError


@unique_consecutive.public
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    refuse_without_values("unique_consecutive", input)
    if dim is not None:
        return _unique_slices(
            input, wrap_dim(dim, len(input._array.shape)), return_inverse, return_counts, True
        )
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
