"""Pooling to a given size: the windows follow from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.ops._op import Namespace, Tensor, op
from facula.ops.pool import check_input, draw_spaced, flat_planes, lowest
from facula.testing.samples import call


def _target(name: str, n: int, input: Any, output_size: Any) -> tuple[int, ...]:
    """`output_size` with None filled in, checked against the input."""
    values = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(values) != n:
        raise RuntimeError(f"{name}: output_size must be an int or {n} ints, but got {output_size}")
    check_input(name, n, input)
    out = tuple(s if v is None else int(v) for v, s in zip(values, input.shape[-n:]))
    if min(out) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0, but got {list(out)}"
        )
    return out


def _even(size: Any, out: Any) -> Any:
    """The kernel (and stride) with which plain pooling does the same, or None."""
    if all(o and n % o == 0 for n, o in zip(size, out)):
        return tuple(n // o for n, o in zip(size, out))
    return None


def _adaptive_avg(xp: Namespace, n: int, input: Any, output_size: Any) -> Any:
    out = _target(f"adaptive_avg_pool{n}d", n, input, output_size)
    size = tuple(input.shape[len(input.shape) - n :])
    kernel = _even(size, out)
    if kernel:
        return xp.avg_pool(input, kernel, kernel, (0,) * n, False, True, None)
    first = len(input.shape) - n
    for i, o in enumerate(out):
        if o != input.shape[first + i]:
            input = xp.resample(input, first + i, o, "area", None, False)
    return input


@op(method=False, alias=True)
def adaptive_avg_pool1d(xp: Namespace, input: Tensor, output_size: Any) -> Tensor:
    """Mean over `output_size` windows that share `input` (N, C, L) or (C, L) out evenly."""
    return _adaptive_avg(xp, 1, input, output_size)


@op(method=False, alias=True)
def adaptive_avg_pool2d(xp: Namespace, input: Tensor, output_size: Any) -> Tensor:
    """Mean over a grid of `output_size` windows that share the plane out evenly; None keeps a size."""
    return _adaptive_avg(xp, 2, input, output_size)


@op(method=False, alias=True)
def adaptive_avg_pool3d(xp: Namespace, input: Tensor, output_size: Any) -> Tensor:
    """Mean over a grid of `output_size` windows that share the volume out evenly; None keeps a size."""
    return _adaptive_avg(xp, 3, input, output_size)


@op(method=False, arithmetic=False, outputs=("values", "indices"))
def adaptive_max_pool(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """Maximum over windows that share the planes out evenly, and where in the plane it was found."""
    n = len(size)
    lead, plane = input.shape[: len(input.shape) - n], input.shape[len(input.shape) - n :]
    index, inside = adaptive_windows(tuple(plane), tuple(size))
    flat = flat_planes(xp, input, n)
    x = xp.index_select(flat, len(lead), xp.asarray(index.reshape(-1)))
    x = xp.reshape(x, (*lead, *index.shape))
    least = xp.full((), lowest(input.dtype), input.dtype)
    at = xp.argmax(xp.where(xp.asarray(inside), x, least), len(lead) + 1, True)
    every = xp.expand(xp.asarray(index), x.shape)
    where = xp.reshape(xp.gather(every, len(lead) + 1, at), (*lead, *size))
    return xp.plane_take(input, where, tuple(plane)), where


def adaptive_windows(plane: Any, size: Any) -> tuple[Any, Any]:
    """Flat positions (prod(size), longest window) that each window covers, and which of them count."""
    index, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for n, o in zip(plane, size):
        start, stop = np.arange(o) * n // max(o, 1), -(-(np.arange(o) + 1) * n // max(o, 1))
        at = start[:, None] + np.arange(int((stop - start).max(initial=1)))
        ok, at = at < stop[:, None], np.minimum(at, n - 1)
        shape = (index.shape[0] * o, index.shape[1] * at.shape[1])
        index = (index[:, None, :, None] * n + at[None, :, None, :]).reshape(shape)
        inside = (inside[:, None, :, None] & ok[None, :, None, :]).reshape(shape)
    return index, inside


def adaptive_max_rule(xp: Namespace, g: Any, input_shape: Any, indices: Any, size: Any) -> Any:
    return (
        None
        if g[0] is None
        else xp.plane_put(g[0], indices, tuple(input_shape[len(input_shape) - len(size) :]))
    )


adaptive_max_pool.vjp(input=adaptive_max_rule)


def _adaptive_max(xp: Namespace, n: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    out = _target(f"adaptive_max_pool{n}d", n, input, output_size)
    kernel = _even(tuple(input.shape[len(input.shape) - n :]), out)
    zeros, ones = (0,) * n, (1,) * n
    if kernel and not return_indices:
        return xp.max_pool(input, kernel, kernel, zeros, ones, False)
    both = (
        xp.max_pool_with_indices(input, kernel, kernel, zeros, ones, False)
        if kernel
        else xp.adaptive_max_pool(input, out)
    )
    return tuple(both) if return_indices else both[0]


@op(method=False, arithmetic=False)
def adaptive_max_pool1d(
    xp: Namespace, input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor:
    """Maximum over `output_size` windows that share `input` (N, C, L) or (C, L) out evenly."""
    return _adaptive_max(xp, 1, input, output_size, return_indices)


@op(method=False, arithmetic=False)
def adaptive_max_pool2d(
    xp: Namespace, input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor:
    """Maximum over a grid of `output_size` windows that share the plane out evenly."""
    return _adaptive_max(xp, 2, input, output_size, return_indices)


@op(method=False, arithmetic=False)
def adaptive_max_pool3d(
    xp: Namespace, input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor:
    """Maximum over a grid of `output_size` windows that share the volume out evenly."""
    return _adaptive_max(xp, 3, input, output_size, return_indices)


@adaptive_avg_pool1d.sample
def adaptive_avg_pool1d(make: Any) -> Any:
    yield call(make(1, 2, 5), 3)
    yield call(make(2, 4), 2)


@adaptive_avg_pool2d.sample
def adaptive_avg_pool2d(make: Any) -> Any:
    yield call(make(1, 2, 5, 4), (3, 2))
    yield call(make(1, 3, 4), (None, 3))
    yield call(make(1, 1, 3, 3), 1)


@adaptive_avg_pool3d.sample
def adaptive_avg_pool3d(make: Any) -> Any:
    yield call(make(1, 1, 3, 4, 2), (2, 3, 2))


@adaptive_max_pool.sample
def adaptive_max_pool(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 2, 5), (3,))


@adaptive_max_pool1d.sample
def adaptive_max_pool1d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 2, 5), 3, True)
    yield call(draw_spaced(make, 2, 4), 2)


@adaptive_max_pool2d.sample
def adaptive_max_pool2d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 2, 5, 4), (3, 2))
    yield call(draw_spaced(make, 1, 3, 4), (None, 3), return_indices=True)


@adaptive_max_pool3d.sample
def adaptive_max_pool3d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 3, 4, 2), (2, 3, 2))
