"""Max pooling as elementwise maps over slices: one for each element of the window, all of them one loop when fused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

from facula.ops.pool import lowest, pads_of, sizes_of
from facula.ops.windows import span

#: Elements of a window up to which the maps are written out.
MOST = 16


def kernel(xp: Any, op: Any) -> Callable[..., Any] | None:
    """The kernel of an op for a device that takes notes; None where it has none."""
    make = {"max_pool": _max_pool, "max_pool_grad": _max_pool_grad}.get(op.name)
    return None if make is None else make(xp, op)


def _slices(xp: Any, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[Any] | None:  # fmt: skip
    """Per element of the window: what of `x` it meets, as views; None where windows reach over the edge, or are large."""
    out = sizes_of(x.shape, kernel, stride, padding, dilation, ceil_mode)
    pads = pads_of(x.shape, out, kernel, stride, padding, dilation)
    if max(pads) > 0 or prod(kernel) > MOST or 0 in x.shape:
        return None
    return [_slice(xp, x, at, out, stride, dilation) for at in product(*map(range, kernel))]


def _padded(
    xp: Any, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:
    """`x` with the lowest number around it, as far as windows reach; in its own order of memory."""
    out = sizes_of(x.shape, kernel, stride, padding, dilation, ceil_mode)
    pads = [max(n, 0) for n in pads_of(x.shape, out, kernel, stride, padding, dilation)]
    if not any(pads):
        return x
    first, ends = len(x.shape) - len(out), list(zip(pads[::2], pads[1::2]))[::-1]
    shape = (*x.shape[:first], *(n + a + b for n, (a, b) in zip(x.shape[first:], ends)))
    order = sorted(range(len(shape)), key=lambda d: -x.strides[d])
    result = xp.permute(
        xp.empty([shape[d] for d in order], x.dtype), [*map(order.index, range(len(shape)))]
    )
    xp.write(result, xp.full((), lowest(x.dtype), x.dtype))
    inside = result
    for d, (n, (before, _)) in enumerate(zip(x.shape[first:], ends), first):
        inside = xp.slice(inside, d, before, before + n, 1)
    xp.write(inside, x)
    return result


def _slice(xp: Any, x: Any, at: Any, out: Any, stride: Any, dilation: Any) -> Any:
    first = len(x.shape) - len(out)
    for i, (k, o, s, d) in enumerate(zip(at, out, stride, dilation)):
        x = xp.slice(x, first + i, k * d, k * d + (o - 1) * s + 1, s)
    return x


def _max_pool(xp: Any, op: Any) -> Callable[..., Any]:
    def run(input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:  # fmt: skip
        options = kernel, stride, padding, dilation, ceil_mode
        around = _padded(xp, input, *options)
        parts = _slices(xp, around, kernel, stride, (0,) * len(kernel), dilation, False)
        if parts is None:
            return op.body(xp, input, *options)
        found = parts[0]
        for part in parts[1:]:
            found = xp.maximum(found, part)
        return xp.copy(found) if len(parts) == 1 else found

    return run


def _max_pool_grad(xp: Any, op: Any) -> Callable[..., Any]:
    def run(grad: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:  # fmt: skip
        options = kernel, stride, padding, dilation, ceil_mode
        parts = _slices(xp, input, *options)
        apart = all(s >= span(k, d) for k, s, d in zip(kernel, stride, dilation))
        if parts is None or not apart:
            return op.body(xp, grad, input, out, *options)
        result = xp.empty_as(input)
        covered = prod(out.shape) * prod(kernel) == prod(input.shape)
        if not covered:
            xp.write(result, xp.full((), 0, input.dtype))
        rest = grad  # what no element before has taken
        for part, target in zip(parts, _slices(xp, result, *options) or ()):
            equal, is_nan = xp.eq(part, out), xp.ne(part, part)
            xp.write(target, xp.where(is_nan, rest, xp.where(equal, rest, 0.0)))
            rest = xp.where(is_nan, 0.0, xp.where(equal, 0.0, rest))
        return result

    return run
