"""Means of whole planes; max pooling and its gradient for float32 with channels last, as convolutions give it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from facula.autograd.halves import single
from facula.dtypes import F32
from facula.ops.pool import sizes_of
from facula_native import units
from facula_native.conv import channels_last, channels_second
from facula_native.halves import BF16
from facula_native.rows import Kernel, takes


@lru_cache(maxsize=512)
def _sizes(shape: Any, out: Any, *options: Any) -> Any:
    """What pool.c is told: n, channels, and pairs of sizes; windows of one dimension get a first one of 1."""
    ones = (1, 1, 1, 1, 0, 1)
    pairs = [
        x if len(x) == 2 else (one, *x) for one, x in zip(ones, (shape[2:], out, *options[:4]))
    ]
    return np.array([*shape[:2], *(n for pair in pairs for n in pair)], np.int64)


def _is_ours(x: Any, kernel: Any) -> bool:
    """Whether channels lie last, of samples with one or two further dimensions."""
    fits = takes(x) and len(kernel) == x.ndim - 2 and len(kernel) < 3
    return fits and x.shape[1] >= 4 and x.transpose(0, *range(2, x.ndim), 1).flags.c_contiguous  # type: ignore[no-any-return]


def max_pool(backend: Any, below: Kernel) -> Kernel:
    def kernel(
        input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> Any:
        options = kernel, stride, padding, dilation, ceil_mode
        run = _is_ours(input, kernel) and units.function("pool", "max_pool", 3, 0)
        if not run:
            return below(input, *options)
        out = sizes_of(input.shape, *options)
        result = np.empty((input.shape[0], *out, input.shape[1]), F32)
        x, sizes = channels_last(input), _sizes(input.shape, out, *options)
        run(id(x), id(result), id(sizes))
        return channels_second(result)

    return kernel


def max_pool_grad(backend: Any, below: Kernel) -> Kernel:
    def kernel(
        grad: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> Any:  # fmt: skip
        options = kernel, stride, padding, dilation, ceil_mode
        fits = _is_ours(input, kernel) and grad.dtype is F32 and out.dtype is F32
        run = fits and units.function("pool", "max_pool_gradient", 5, 0)
        if not run:
            return below(grad, input, out, *options)
        g, x, best = channels_last(grad), channels_last(input), channels_last(out)
        result = np.empty(x.shape, F32)
        sizes = _sizes(input.shape, out.shape[2:], *options)
        run(id(g), id(x), id(best), id(result), id(sizes))
        return channels_second(result)

    return kernel


def avg_pool(backend: Any, below: Kernel) -> Kernel:
    """Means of whole planes are the sums of `reduce`; smaller windows stay with NumPy."""

    def kernel(input: Any, kernel: Any, stride: Any, padding: Any, *options: Any) -> Any:
        first = input.ndim - len(kernel)
        is_whole = kernel == input.shape[first:] and not any(padding) and not options[-1]
        if not (is_whole and takes(input)):
            return below(input, kernel, stride, padding, *options)
        total = backend.sum(input, tuple(range(first, input.ndim)), True)
        total /= prod(kernel)
        return total

    return kernel


def _of_halves(make: Callable[[Any, Kernel], Kernel]) -> Callable[[Any, Kernel], Kernel]:
    """The kernel on float32 in place of bfloat16, for which NumPy's loops are slow."""

    def wrapped(backend: Any, below: Kernel) -> Kernel:
        kernel = make(backend, below)

        def call(*args: Any) -> Any:
            if args[0].dtype is not BF16:
                return kernel(*args)
            return backend.cast(kernel(*[single(backend, x) for x in args]), BF16)

        return call

    return wrapped


WRAPPERS = {
    "max_pool": _of_halves(max_pool),
    "max_pool_grad": _of_halves(max_pool_grad),
    "avg_pool": avg_pool,
}
