"""Pooling: windows of the last dimensions reduced to their maximum, mean or p-norm."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import is_floating_point, is_integral
from facula.ops._op import Namespace, Tensor, op
from facula.ops.windows import hashable, span, tuple_of, windows
from facula.testing.samples import call

_SHAPES = {
    1: "(N, C, L) or (C, L)",
    2: "(N, C, H, W) or (C, H, W)",
    3: "(N, C, D, H, W) or (C, D, H, W)",
}


def _out_size(
    n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """How many windows; with `ceil_mode` one more where elements are left, if it starts inside."""
    rest = n + 2 * padding - span(kernel, dilation)
    out = rest // stride + 1
    if ceil_mode and rest % stride and out * stride < n + padding:
        out += 1
    return out


@lru_cache(maxsize=1024)
def sizes_of(
    shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[int, ...]:
    each = zip(shape[len(shape) - len(kernel) :], kernel, stride, padding, dilation)
    return tuple(_out_size(*one, ceil_mode) for one in each)


@lru_cache(maxsize=1024)
def pads_of(
    shape: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[int, ...]:
    """Pads, last dimension first, with which exactly `out` windows fit (behind: less than nothing crops)."""
    pads: list[int] = []
    each = zip(shape[len(shape) - len(kernel) :], out, kernel, stride, padding, dilation)
    for n, o, k, s, p, d in each:
        pads = [p, (o - 1) * s + span(k, d) - n - p, *pads]
    return tuple(pads)


def _is_left_out(stride: Any) -> bool:
    return stride is None or (isinstance(stride, (tuple, list)) and not stride)


def _options(
    name: str,
    n: int,
    input: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> _Options:
    values = map(hashable, (kernel, stride, padding, dilation))
    return _checked_options(name, n, tuple(input.shape), *values, bool(ceil_mode))


class _Options:
    """The checked options of one call, `n` ints each."""

    def __init__(
        self,
        name: str,
        n: int,
        shape: tuple[int, ...],
        kernel: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: bool,
    ):
        self.kernel = tuple_of(kernel, n, name, "kernel_size")
        self.stride = self.kernel if _is_left_out(stride) else tuple_of(stride, n, name, "stride")
        self.padding = tuple_of(padding, n, name, "padding")
        self.dilation = tuple_of(dilation, n, name, "dilation")
        self._check_values(name)
        _check_shape(name, n, shape)
        out = sizes_of(shape, self.kernel, self.stride, self.padding, self.dilation, ceil_mode)
        if min(out) < 1:
            raise RuntimeError(
                f"{name}: given input size {shape[-n:]}, the calculated output size {out} is too small "
                f"(kernel_size={self.kernel}, stride={self.stride}, padding={self.padding}); use a smaller kernel"
            )

    def _check_values(self, name: str) -> None:
        for argument, values in (
            ("kernel_size", self.kernel),
            ("stride", self.stride),
            ("dilation", self.dilation),
        ):
            if min(values) < 1:
                raise RuntimeError(
                    f"{name}: {argument} must be greater than zero, but got {list(values)}"
                )
        for k, p, d in zip(self.kernel, self.padding, self.dilation):
            if p < 0 or p > span(k, d) // 2:
                raise RuntimeError(
                    f"{name}: pad should be non-negative and at most half of the effective kernel size, but got "
                    f"padding={list(self.padding)}, kernel_size={list(self.kernel)}, dilation={list(self.dilation)}"
                )

    def __iter__(self) -> Any:
        return iter((self.kernel, self.stride, self.padding, self.dilation))


#: The same layer sees the same shapes again and again: checked once.
_checked_options = lru_cache(maxsize=1024, typed=True)(_Options)


def check_input(name: str, n: int, input: Any) -> None:
    _check_shape(name, n, input.shape)


def _check_shape(name: str, n: int, shape: Any) -> None:
    batched = len(shape) == n + 2
    if (not batched and len(shape) != n + 1) or 0 in (shape[1:] if batched else shape):
        raise RuntimeError(
            f"{name}: expected {n + 1}D or {n + 2}D input {_SHAPES[n]} with non-zero sizes in all but the batch "
            f"dimension, but got shape {tuple(shape)}"
        )


# ---- maximum


def lowest(dtype: Any) -> Any:
    return float("-inf") if is_floating_point(dtype) else int(np.iinfo(dtype).min)


def _windowed(xp: Namespace, input: Any, out: Any, options: Any, fill: Any) -> Any:
    """All windows, (..., *out, prod(kernel))."""
    kernel, stride, _, dilation = options
    pads = pads_of(input.shape, out, *options)
    x = xp.constant_pad_nd(input, pads, fill) if any(pads) else input
    view = windows(xp, x, kernel, stride, dilation)
    return xp.reshape(view, (*view.shape[: len(input.shape)], prod(kernel)))


#: Places: all that is kept stays under 20 MiB, and of more the pooling takes twenty times as long.
_FEW = 1 << 12


def _kept_if_few(places: Callable[..., Any]) -> Callable[..., Any]:
    """`places` of (size, out, kernel, *options), found once where windows and kernel elements are few."""
    kept = lru_cache(maxsize=256)(places)

    def call(size: Any, out: Any, kernel: Any, *options: Any) -> Any:
        is_kept = prod(out) + prod(kernel) <= _FEW
        return (kept if is_kept else places)(size, out, kernel, *options)

    return call


@_kept_if_few
def _origin(
    size: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Any, Any]:
    """Flat positions in the plane: of each window's first element, and of kernel elements relative to it."""
    first, inner = np.zeros((1,), np.int64), np.zeros((1,), np.int64)
    for n, o, k, s, p, d in zip(size, out, kernel, stride, padding, dilation):
        first = (first[:, None] * n + (np.arange(o) * s - p)).reshape(-1)
        inner = (inner[:, None] * n + np.arange(k) * d).reshape(-1)
    return _shared(first.reshape(out)), _shared(inner)


@_kept_if_few
def first_seen(size: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Flat positions of each window's first element that is no padding; the nearest place, where all are."""
    first = np.zeros((1,), np.int64)
    for n, o, s, p, d in zip(size, out, stride, padding, dilation):
        start = np.arange(o) * s - p
        seen = np.minimum(np.where(start < 0, start % d, start), n - 1)
        first = (first[:, None] * n + seen).reshape(-1)
    return _shared(first.reshape(out))


def _shared(places: Any) -> Any:
    """Places that a cache gives again: nobody may write to them."""
    places.flags.writeable = False
    return places


@op(method=False, arithmetic=False, outputs=("values", "indices"))
def max_pool_with_indices(
    xp: Namespace,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Tensor:
    """Maximum over windows, and where in the flattened plane it was found (the first, among equals)."""
    options = kernel, stride, padding, dilation
    out = sizes_of(input.shape, *options, ceil_mode)
    view = _windowed(xp, input, out, options, lowest(input.dtype))
    last = len(view.shape) - 1
    at = xp.argmax(view, last, True)
    values = xp.reshape(xp.gather(view, last, at), view.shape[:last])
    size = input.shape[len(input.shape) - len(kernel) :]
    first, inner = _origin(size, out, *options)
    inner = xp.index_select(xp.asarray(inner), 0, xp.reshape(at, (prod(at.shape),)))
    indices = xp.asarray(first) + xp.reshape(inner, view.shape[:last])
    if any(padding):  # a window of -inf begins with padding, which has no place
        is_first = xp.eq(xp.reshape(at, view.shape[:last]), xp.full((), 0, at.dtype))
        indices = xp.where(is_first, xp.asarray(first_seen(size, out, *options)), indices)
    return values, indices


def flat_planes(xp: Namespace, x: Any, n: int) -> Any:
    """`x` with its last `n` dimensions joined."""
    lead = x.shape[: len(x.shape) - n]
    return xp.reshape(x, (*lead, prod(x.shape[len(lead) :])))


def _max_pool_rule(xp: Namespace, g: Any, input_shape: Any, indices: Any, kernel: Any) -> Any:
    if g[0] is None:
        return None
    return xp.plane_put(g[0], indices, tuple(input_shape[len(input_shape) - len(kernel) :]))


max_pool_with_indices.vjp(input=_max_pool_rule)


@op(method=False, arithmetic=False)
def plane_put(xp: Namespace, input: Tensor, indices: Tensor, size: Any) -> Tensor:
    """Sums `input` (..., *any) into zeros (..., *size) at `indices` of the flattened planes."""
    n = len(size)
    lead = input.shape[: len(input.shape) - n]
    plane = xp.full((*lead, prod(size)), 0, input.dtype)
    out = xp.scatter_add(plane, len(lead), flat_planes(xp, indices, n), flat_planes(xp, input, n))
    return xp.reshape(out, (*lead, *size))


@op(method=False, arithmetic=False)
def plane_take(xp: Namespace, input: Tensor, indices: Tensor, size: Any) -> Tensor:
    """The adjoint of `plane_put`: elements of `input` (..., *size) at `indices` of its flattened planes."""
    n = len(size)
    taken = xp.gather(flat_planes(xp, input, n), len(input.shape) - n, flat_planes(xp, indices, n))
    return xp.reshape(taken, indices.shape)


plane_put.vjp(input=lambda xp, g, indices, size: xp.plane_take(g, indices, size))
plane_take.vjp(input=lambda xp, g, indices, size: xp.plane_put(g, indices, size))


@op(method=False, arithmetic=False)
def max_pool(
    xp: Namespace,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Tensor:
    """`max_pool_with_indices` without the indices: the gradient finds the places again, which is faster."""
    return xp.max_pool_with_indices(input, kernel, stride, padding, dilation, ceil_mode)[0]


max_pool.vjp(
    input=lambda xp, g, input, out, kernel, stride, padding, dilation, ceil_mode: xp.max_pool_grad(
        g, input, out, kernel, stride, padding, dilation, ceil_mode
    )
)


@op(method=False, arithmetic=False)
def max_pool_grad(
    xp: Namespace, grad: Tensor, input: Tensor, out: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool,
) -> Tensor:  # fmt: skip
    """Gradient of `max_pool`: `grad` at the first place of each window where its maximum is."""
    _, indices = xp.max_pool_with_indices(input, kernel, stride, padding, dilation, ceil_mode)
    return xp.plane_put(grad, indices, tuple(input.shape[len(input.shape) - len(kernel) :]))


def _max_pool_grad_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Any:
    _, indices = xp.max_pool_with_indices(input, kernel, stride, padding, dilation, ceil_mode)
    return xp.plane_take(g, indices, tuple(input.shape[len(input.shape) - len(kernel) :]))


max_pool_grad.vjp(grad=_max_pool_grad_rule)


def _max_pool(
    xp: Namespace, n: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    options = _options(f"max_pool{n}d", n, input, kernel_size, stride, padding, dilation, ceil_mode)
    if return_indices:
        return tuple(xp.max_pool_with_indices(input, *options, bool(ceil_mode)))
    return xp.max_pool(input, *options, bool(ceil_mode))


@op(method=False, arithmetic=False)
def max_pool1d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """Maximum over windows of `input` (N, C, L) or (C, L); `stride` is the kernel size unless given.

    With `return_indices` also where each maximum is, counted along L. `ceil_mode` keeps a last,
    incomplete window.
    """
    return _max_pool(
        xp, 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@op(method=False, arithmetic=False)
def max_pool2d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """Maximum over windows of `input` (N, C, H, W) or (C, H, W); `stride` is the kernel size unless given.

    With `return_indices` also where each maximum is in its plane, row by row.
    """
    return _max_pool(
        xp, 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@op(method=False, arithmetic=False)
def max_pool3d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """Maximum over windows of `input` (N, C, D, H, W) or (C, D, H, W)."""
    return _max_pool(
        xp, 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@op(method=False, arithmetic=False)
def max_pool1d_with_indices(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = True,
) -> Tensor:  # fmt: skip
    """`max_pool1d` with the indices of the maxima."""
    return _max_pool(xp, 1, input, kernel_size, stride, padding, dilation, ceil_mode, True)


@op(method=False, arithmetic=False)
def max_pool2d_with_indices(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = True,
) -> Tensor:  # fmt: skip
    """`max_pool2d` with the indices of the maxima."""
    return _max_pool(xp, 2, input, kernel_size, stride, padding, dilation, ceil_mode, True)


@op(method=False, arithmetic=False)
def max_pool3d_with_indices(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = True,
) -> Tensor:  # fmt: skip
    """`max_pool3d` with the indices of the maxima."""
    return _max_pool(xp, 3, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def draw_spaced(make: Any, *shape: int) -> Any:
    """A tensor whose elements differ by at least 0.1, so that differences do not change the winner."""
    return make.of(make.rng.permutation(prod(shape)).reshape(shape) * 0.1 - 1, grad=True)


@max_pool_with_indices.sample
def max_pool_with_indices(make: Any) -> Any:
    yield call(draw_spaced(make, 2, 2, 5), (2,), (2,), (1,), (1,), True)


@max_pool1d.sample
def max_pool1d(make: Any) -> Any:
    yield call(draw_spaced(make, 2, 2, 5), 2)
    yield call(draw_spaced(make, 2, 7), 3, 2, 1, 2, True)
    yield call(draw_spaced(make, 1, 1, 6), 3, 1, return_indices=True)


@max_pool2d.sample
def max_pool2d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 2, 4, 6), 2)
    yield call(draw_spaced(make, 2, 5, 5), (3, 2), (2, 1), (1, 0), ceil_mode=True)
    yield call(draw_spaced(make, 1, 1, 5, 4), 2, 1, 1, (2, 1), return_indices=True)
    yield call(make(1, 1, 4, 4, dtype="int64"), 2)
    yield call(make(0, 1, 4, 4), 2)


@max_pool3d.sample
def max_pool3d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 2, 4, 4), 2)
    yield call(draw_spaced(make, 1, 3, 3, 3), 2, 1, 1)


@max_pool1d_with_indices.sample
def max_pool1d_with_indices(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 6), 2)


@max_pool2d_with_indices.sample
def max_pool2d_with_indices(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 4, 4), 2)


@max_pool3d_with_indices.sample
def max_pool3d_with_indices(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 2, 4, 2), 2)


# ---- undoing a maximum


def _max_unpool(
    xp: Namespace,
    n: int,
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Any:
    name = f"max_unpool{n}d"
    kernel = tuple_of(kernel_size, n, name, "kernel_size")
    steps = kernel if _is_left_out(stride) else tuple_of(stride, n, name, "stride")
    pads = tuple_of(padding, n, name, "padding")
    check_input(name, n, input)
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError(
            f"{name}: expected shape of indices to be the same as that of the input {tuple(input.shape)}, but got "
            f"{tuple(indices.shape)}"
        )
    size = tuple(
        (i - 1) * s - 2 * p + k for i, s, p, k in zip(input.shape[-n:], steps, pads, kernel)
    )
    if output_size is not None:
        size = _unpooled_size(name, n, size, steps, tuple(output_size))
    return xp.max_unpool(input, indices, size)


def _unpooled_size(name: str, n: int, default: Any, steps: Any, wanted: Any) -> tuple[int, ...]:
    wanted = wanted[-n:] if len(wanted) in (n + 1, n + 2) else wanted
    if len(wanted) != n:
        raise ValueError(
            f"{name}: output_size should be a sequence containing {n} or {n + 2} elements, got {len(wanted)}"
        )
    for w, d, s in zip(wanted, default, steps):
        if not d - s < w < d + s:
            raise ValueError(
                f"{name}: invalid output_size {tuple(wanted)}: each size must differ by less than the stride from "
                f"{tuple(default)}"
            )
    return tuple(wanted)


@op(method=False, arithmetic=False)
def max_unpool(xp: Namespace, input: Tensor, indices: Tensor, size: Any) -> Tensor:
    """Zeros (..., *size) with `input` put in at `indices` of the flattened planes; the last of equals wins."""
    n = len(size)
    lead = input.shape[: len(input.shape) - n]
    plane = xp.full((*lead, prod(size)), 0, input.dtype)
    out = xp.scatter(plane, len(lead), flat_planes(xp, indices, n), flat_planes(xp, input, n))
    return xp.reshape(out, (*lead, *size))


max_unpool.vjp(input=lambda xp, g, indices, size: xp.plane_take(g, indices, size))


@op(method=False, arithmetic=False)
def max_unpool1d(
    xp: Namespace, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Puts the maxima that `max_pool1d` found back to their places, among zeros."""
    return _max_unpool(xp, 1, input, indices, kernel_size, stride, padding, output_size)


@op(method=False, arithmetic=False)
def max_unpool2d(
    xp: Namespace, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Puts the maxima that `max_pool2d` found back to their places, among zeros."""
    return _max_unpool(xp, 2, input, indices, kernel_size, stride, padding, output_size)


@op(method=False, arithmetic=False)
def max_unpool3d(
    xp: Namespace, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Puts the maxima that `max_pool3d` found back to their places, among zeros."""
    return _max_unpool(xp, 3, input, indices, kernel_size, stride, padding, output_size)


@max_unpool.sample
def max_unpool(make: Any) -> Any:
    yield call(make(1, 2, 2), make.of([[[0, 3], [1, 2]]]), (4,))


@max_unpool1d.sample
def max_unpool1d(make: Any) -> Any:
    yield call(make(1, 2, 2), make.of([[[0, 3], [1, 2]]]), 2)


@max_unpool2d.sample
def max_unpool2d(make: Any) -> Any:
    yield call(make(1, 2, 2), make.of([[[0, 3], [8, 10]]]), 2)
    yield call(make(1, 1, 1, 2), make.of([[[[4, 7]]]]), 2, output_size=(3, 4))


@max_unpool3d.sample
def max_unpool3d(make: Any) -> Any:
    yield call(make(1, 1, 1, 2), make.of([[[[3, 4]]]]), (2, 1, 2))


# ---- mean


@op(method=False)
def avg_pool(
    xp: Namespace, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: Any,
) -> Tensor:  # fmt: skip
    """Sums over windows, divided by what each window counts. Options are tuples."""
    options = kernel, stride, padding, (1,) * len(kernel)
    out = sizes_of(input.shape, *options, ceil_mode)
    view = _windowed(xp, input, out, options, 0)
    total = xp.sum(view, len(view.shape) - 1, False)
    return _divided(
        xp, total, input.shape, out, kernel, stride, padding, count_include_pad, divisor_override
    )


def _divided(
    xp: Namespace, x: Any, shape: Any, out: Any, kernel: Any, stride: Any, padding: Any, count_include_pad: bool,
    divisor_override: Any,
) -> Any:  # fmt: skip
    table = divisor_override
    if not table:
        table = window_counts(
            shape[len(shape) - len(kernel) :], out, kernel, stride, padding, count_include_pad
        )
        table = table if isinstance(table, int) else xp.asarray(table.astype(x.dtype))
    return xp.cast(x / table, x.dtype) if is_integral(x.dtype) else x / table


@lru_cache(maxsize=1024)
def window_counts(
    size: Any, out: Any, kernel: Any, stride: Any, padding: Any, count_include_pad: bool
) -> Any:
    """How many elements each window counts: an int where all count the same, else an array (*out)."""
    table = np.ones((), np.float64)
    for n, o, k, s, p in zip(size, out, kernel, stride, padding):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        inside = stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0)
        table = table[..., None] * inside
    return int(table.flat[0]) if table.size and (table == table.flat[0]).all() else table


def _avg_pool_rule(
    xp: Namespace, g: Any, input_shape: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: Any,
) -> Any:  # fmt: skip
    size = tuple(input_shape[len(input_shape) - len(kernel) :])
    return xp.avg_pool_grad(
        g, size, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


avg_pool.vjp(input=_avg_pool_rule)


@op(method=False)
def avg_pool_grad(
    xp: Namespace, grad: Tensor, size: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: Any,
) -> Tensor:  # fmt: skip
    """The adjoint of `avg_pool` for an input whose planes are `size`."""
    n = len(kernel)
    lead, out = grad.shape[: len(grad.shape) - n], grad.shape[len(grad.shape) - n :]
    ones = (1,) * n
    g = _divided(xp, grad, size, out, kernel, stride, padding, count_include_pad, divisor_override)
    pads = pads_of(size, out, kernel, stride, padding, ones)
    padded = tuple(
        s + pads[2 * (n - 1 - i)] + pads[2 * (n - 1 - i) + 1] for i, s in enumerate(size)
    )
    spread = xp.expand(xp.reshape(g, (*lead, *out, *ones)), (*lead, *out, *kernel))
    total = xp.fold_windows(spread, padded, kernel, stride, ones)
    return xp.constant_pad_nd(total, tuple(-p for p in pads), 0) if any(pads) else total


avg_pool_grad.vjp(
    grad=lambda xp, g, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override: (
        xp.avg_pool(g, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    )
)


def _avg_pool(
    xp: Namespace, n: int, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: Any,
) -> Any:  # fmt: skip
    name = f"avg_pool{n}d"
    o = _options(name, n, input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero, but got divisor_override=0")
    flags = bool(ceil_mode), bool(count_include_pad), divisor_override
    return xp.avg_pool(input, o.kernel, o.stride, o.padding, *flags)


@op(method=False)
def avg_pool1d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Mean over windows of `input` (N, C, L) or (C, L); padded zeros count unless told otherwise."""
    return _avg_pool(xp, 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@op(method=False)
def avg_pool2d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None,
) -> Tensor:  # fmt: skip
    """Mean over windows of `input` (N, C, H, W) or (C, H, W); `divisor_override` replaces the count."""
    return _avg_pool(
        xp, 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@op(method=False)
def avg_pool3d(
    xp: Namespace, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None,
) -> Tensor:  # fmt: skip
    """Mean over windows of `input` (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool(
        xp, 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@avg_pool.sample
def avg_pool(make: Any) -> Any:
    yield call(make(1, 2, 5), (2,), (2,), (1,), True, False, None)


@avg_pool1d.sample
def avg_pool1d(make: Any) -> Any:
    yield call(make(2, 2, 5), 2)
    yield call(make(2, 6), 3, 2, 1, True, False)


@avg_pool2d.sample
def avg_pool2d(make: Any) -> Any:
    yield call(make(1, 2, 4, 4), 2)
    yield call(make(1, 5, 4), (3, 2), (2, 1), (1, 0), ceil_mode=True)
    yield call(make(1, 4, 4), 3, 1, 1, divisor_override=2)
    yield call(make(0, 1, 4, 4), 2)


@avg_pool3d.sample
def avg_pool3d(make: Any) -> Any:
    yield call(make(1, 1, 2, 3, 4), 2, 1, 1, count_include_pad=False)


# ---- to a given size
# ---- at random
# ---- p-norm


def _lp_pool(
    xp: Namespace,
    n: int,
    input: Any,
    norm_type: Any,
    kernel_size: Any,
    stride: Any,
    ceil_mode: bool,
) -> Any:
    o = _options(f"lp_pool{n}d", n, input, kernel_size, stride, 0, 1, ceil_mode)
    powers = xp.pow(input, float(norm_type))
    sums = xp.avg_pool(powers, o.kernel, o.stride, o.padding, bool(ceil_mode), True, None) * float(
        prod(o.kernel)
    )
    return xp.pow(sums, 1.0 / norm_type)


@op(method=False)
def lp_pool1d(
    xp: Namespace,
    input: Tensor,
    norm_type: Any,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, L) or (C, L)."""
    return _lp_pool(xp, 1, input, norm_type, kernel_size, stride, ceil_mode)


@op(method=False)
def lp_pool2d(
    xp: Namespace,
    input: Tensor,
    norm_type: Any,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, H, W) or (C, H, W)."""
    return _lp_pool(xp, 2, input, norm_type, kernel_size, stride, ceil_mode)


@op(method=False)
def lp_pool3d(
    xp: Namespace,
    input: Tensor,
    norm_type: Any,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(xp, 3, input, norm_type, kernel_size, stride, ceil_mode)


@lp_pool1d.sample
def lp_pool1d(make: Any) -> Any:
    yield call(make(1, 2, 5, low=0.5), 2, 2)


@lp_pool2d.sample
def lp_pool2d(make: Any) -> Any:
    yield call(make(1, 2, 4, 4, low=0.5), 1.5, 2, 2)


@lp_pool3d.sample
def lp_pool3d(make: Any) -> Any:
    yield call(make(1, 2, 4, 2, low=0.5), 3, 2)
