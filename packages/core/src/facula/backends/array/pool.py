"""Pooling kernels: one pass over strided slices for each element of the window, dimension by dimension."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from facula.ops.pool import first_seen, lowest, pads_of, sizes_of, window_counts

#: Elements of a plane stack that are worked on at once: few enough to stay in cache.
BLOCK = 1 << 15


def kernels(m: Any) -> dict[str, Any]:
    def padded(x: Any, pads: Sequence[int], fill: Any) -> Any:
        if not any(pads):
            return x
        n = len(pads) // 2
        lead, size = x.shape[: x.ndim - n], x.shape[x.ndim - n :]
        pairs = [(pads[2 * (n - 1 - i)], pads[2 * (n - 1 - i) + 1]) for i in range(n)]
        x = x[(..., *(slice(0, s + min(b, 0)) for s, (_, b) in zip(size, pairs)))]
        inner = [(a, max(b, 0)) for a, b in pairs]
        out = m.full(
            (*lead, *(s + a + b for s, (a, b) in zip(x.shape[len(lead) :], inner))), fill, x.dtype
        )
        out[(..., *(slice(a, a + s) for s, (a, _) in zip(x.shape[len(lead) :], inner)))] = x
        return out

    def along(
        x: Any, axis: int, combine: Any, out: int, kernel: int, stride: int, dilation: int
    ) -> Any:
        """`combine`d over the window elements of one dimension."""

        def part(k: int) -> Any:
            start = k * dilation
            return x[
                (slice(None),) * axis + (slice(start, start + (out - 1) * stride + 1, stride),)
            ]

        if kernel == 1:
            return part(0)
        total = combine(part(0), part(1))
        for k in range(2, kernel):
            combine(total, part(k), out=total)
        return total

    def pooled(x: Any, combine: Any, out: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
        first = x.ndim - len(kernel)
        for i in range(len(kernel)):
            x = along(x, first + i, combine, out[i], kernel[i], stride[i], dilation[i])
        return x

    def max_pool(
        input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> Any:
        options = kernel, stride, padding, dilation
        out = sizes_of(input.shape, *options, ceil_mode)
        x = padded(input, pads_of(input.shape, out, *options), lowest(input.dtype))
        result = pooled(x, m.maximum, out, kernel, stride, dilation)
        return result if prod(kernel) > 1 else result.copy()

    def max_pool_grad(
        grad: Any,
        input: Any,
        out: Any,
        kernel: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: bool,
    ) -> Any:
        options = kernel, stride, padding, dilation
        # The padding of a window that is lowest throughout equals its maximum, and has no place in the plane.
        unseen = out == lowest(input.dtype) if any(padding) else None
        if unseen is None or not unseen.any():
            return at_maxima(grad, input, out, *options)
        n = len(kernel)
        total = at_maxima(m.where(unseen, m.zeros((), grad.dtype), grad), input, out, *options)
        places = first_seen(input.shape[input.ndim - n :], out.shape[out.ndim - n :], *options)
        plane, window = m.nonzero(unseen.reshape(-1, places.size))
        planes = total.reshape(-1, prod(input.shape[input.ndim - n :]))
        m.add.at(planes, (plane, m.asarray(places).reshape(-1)[window]), grad[unseen])
        return planes.reshape(input.shape)

    def at_maxima(
        grad: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
    ) -> Any:
        n = len(kernel)
        lead, size = input.shape[: input.ndim - n], out.shape[out.ndim - n :]
        pads = pads_of(input.shape, size, kernel, stride, padding, dilation)
        planes = prod(lead)
        x = padded(input, pads, lowest(input.dtype))
        flat = x.reshape(planes, *x.shape[len(lead) :])
        g, best = grad.reshape(planes, *size), out.reshape(planes, *size)
        total = m.empty(flat.shape, grad.dtype)
        step = max(BLOCK // max(prod(size), 1), 1)
        for i in range(0, planes, step):
            block = slice(i, i + step)
            total[block] = spread(flat[block], best[block], g[block], kernel, stride, dilation)
        return cropped(total.reshape(*lead, *flat.shape[1:]), pads, input.shape[len(lead) :])

    def spread(x: Any, best: Any, g: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
        """`g` at the first element of each window that equals `best`: its row first, then its column."""
        has_nan = best.dtype.kind != "i" and bool((best != best).any())
        steps = list(zip(best.shape[1:], kernel, stride, dilation))
        reduced = [x]
        for i in range(len(kernel) - 1, 0, -1):
            reduced.append(along(reduced[-1], 1 + i, m.maximum, *steps[i]))
        for i, step in enumerate(steps):
            x = reduced.pop()
            g = spread_maximum(x, best, g, 1 + i, *step, has_nan)
            best = x
        return g

    def spread_maximum(
        x: Any,
        best: Any,
        g: Any,
        axis: int,
        out: int,
        kernel: int,
        stride: int,
        dilation: int,
        has_nan: bool,
    ) -> Any:
        """One dimension: `g` to the first of the `kernel` elements that equals `best`."""
        total = m.zeros(x.shape, g.dtype)
        bits = m.dtype(
            f"i{g.dtype.itemsize}"
        )  # bit masks: exact for infinities, and far faster than `where`
        left = None
        for k in range(kernel):
            start = k * dilation
            at = (slice(None),) * axis + (slice(start, start + (out - 1) * stride + 1, stride),)
            if k == kernel - 1:
                taken = g if left is None else (g.view(bits) & left).view(g.dtype)
            else:
                hit = x[at] == best
                if has_nan:
                    hit |= (x[at] != x[at]) & (best != best)
                mask = m.negative(hit.view(m.int8).astype(bits))
                mask = mask if left is None else mask & left
                left = ~mask if left is None else left ^ mask
                taken = (g.view(bits) & mask).view(g.dtype)
            if stride > (kernel - 1) * dilation:
                total[at] = taken
            else:
                total[at] += taken
        return total

    def cropped(x: Any, pads: Sequence[int], size: Sequence[int]) -> Any:
        """Without the padding; where windows left elements over, with zeros for them."""
        if not any(pads):
            return x
        n = len(size)
        starts = [pads[2 * (n - 1 - i)] for i in range(n)]
        x = x[(..., *(slice(a, a + s) for a, s in zip(starts, size)))]
        lead = x.shape[: x.ndim - n]
        if x.shape[len(lead) :] == tuple(size):
            return m.ascontiguousarray(x)
        out = m.zeros((*lead, *size), x.dtype)
        out[(..., *(slice(0, s) for s in x.shape[len(lead) :]))] = x
        return out

    def divided(
        x: Any,
        shape: Any,
        out: Any,
        kernel: Any,
        stride: Any,
        padding: Any,
        include: bool,
        divisor: Any,
    ) -> Any:
        counts = divisor or window_counts(
            shape[len(shape) - len(kernel) :], out, kernel, stride, padding, include
        )
        quotient = x / (
            counts if isinstance(counts, (int, float)) else m.asarray(counts).astype(x.dtype)
        )
        return quotient.astype(x.dtype, copy=False)  # integers are truncated, as PyTorch does

    def mean_of(input: Any, n: int) -> Any:
        total = m.add.reduce(input, tuple(range(-n, 0)), keepdims=True)
        return (total / prod(input.shape[input.ndim - n :])).astype(input.dtype, copy=False)

    def avg_pool(
        input: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Any,
    ) -> Any:  # fmt: skip
        n = len(kernel)
        if kernel == input.shape[input.ndim - n :] and not any(padding) and not divisor_override:
            return mean_of(input, n)
        ones = (1,) * len(kernel)
        out = sizes_of(input.shape, kernel, stride, padding, ones, ceil_mode)
        x = padded(input, pads_of(input.shape, out, kernel, stride, padding, ones), 0)
        total = pooled(x, m.add, out, kernel, stride, ones)
        return divided(
            total, input.shape, out, kernel, stride, padding, count_include_pad, divisor_override
        )

    def avg_pool_grad(
        grad: Any, size: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Any,
    ) -> Any:  # fmt: skip
        n = len(kernel)
        out, ones = grad.shape[grad.ndim - n :], (1,) * n
        g = divided(grad, size, out, kernel, stride, padding, count_include_pad, divisor_override)
        pads = pads_of(size, out, kernel, stride, padding, ones)
        for i in range(n):
            g = spread_along(g, grad.ndim - n + i, kernel[i], stride[i])
        return cropped(g, pads, size)

    def spread_along(g: Any, axis: int, kernel: int, stride: int) -> Any:
        """Each element of `g` added to the `kernel` elements of its window along one dimension."""
        count = g.shape[axis]
        lead, rest = g.shape[:axis], g.shape[axis + 1 :]
        if kernel == stride:
            wide = m.broadcast_to(m.expand_dims(g, axis + 1), (*lead, count, kernel, *rest))
            return wide.reshape(*lead, count * kernel, *rest)
        total = m.zeros((*lead, (count - 1) * stride + kernel, *rest), g.dtype)
        for k in range(kernel):
            total[(slice(None),) * axis + (slice(k, k + (count - 1) * stride + 1, stride),)] += g
        return total

    return {
        "max_pool": max_pool, "max_pool_grad": max_pool_grad, "avg_pool": avg_pool, "avg_pool_grad": avg_pool_grad,
    }  # fmt: skip
