"""Batch norm, in any order of dimensions in memory that neighbours allow, and group norm, with their gradients."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula.ops.norm import check_groups
from facula_native import units
from facula_native.rows import address, dense, takes_small

Kernel = Callable[..., Any]


def _layout(x: Any) -> tuple[Any, tuple[int, int, int]]:
    """`x` (N, C, *) in memory without gaps, and (rows, channels, neighbours of a channel) that it is there."""
    n, channels = x.shape[:2]
    size = prod(x.shape[2:])
    if size > 1 and not x.flags.c_contiguous:
        last = np.moveaxis(x, 1, -1)
        if last.flags.c_contiguous:
            return x, (n * size, channels, 1)
    x = dense(x)
    return x, (n, channels, size)


def _like(x: Any, sizes: Any) -> Any:
    """Room for a result that lies in memory as `x` does."""
    if sizes[2] == 1 and x.ndim > 2:
        return np.moveaxis(np.empty((x.shape[0], *x.shape[2:], x.shape[1]), F32), -1, 1)
    return np.empty(x.shape, F32)


def _beside(g: Any, x: Any, sizes: Any) -> Any:
    """`g`, in memory as `x` is."""
    if sizes[2] == 1 and x.ndim > 2:
        return np.moveaxis(dense(np.moveaxis(g, 1, -1)), -1, 1)
    return dense(g)


def batch_norm_train(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, weight: Any, bias: Any, eps: float) -> Any:
        run = takes_small(input) and units.function("channels", "batch_norm_train", 6, 3, 1)
        if not run:
            return below(input, weight, bias, eps)
        x, sizes = _layout(input)
        out, w, b = _like(x, sizes), dense(weight), dense(bias)
        mean, var = np.empty(sizes[1], F32), np.empty(sizes[1], F32)
        run(id(x), address(w), address(b), id(out), id(mean), id(var), *sizes, eps)
        return out, mean, var

    return kernel


def batch_norm_eval(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
        run = takes_small(input) and units.function("channels", "batch_norm_eval", 6, 3, 1)
        if not run or any(v is not None and v.dtype is not F32 for v in (mean, var, weight, bias)):
            return below(input, mean, var, weight, bias, eps)
        x, sizes = _layout(input)
        out = _like(x, sizes)
        given = [dense(v) for v in (mean, var, weight, bias)]
        run(id(x), *map(address, given), id(out), *sizes, eps)
        return out

    return kernel


def batch_norm_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, mean: Any, var: Any, weight: Any, eps: float) -> Any:
        fits = takes_small(input) and g.dtype is F32
        run = fits and units.function("channels", "batch_norm_gradient", 8, 3, 1)
        if not run:
            return below(g, input, mean, var, weight, eps)
        x, sizes = _layout(input)
        out = _like(x, sizes)
        g = _beside(g, x, sizes)
        m, v, w = dense(mean), dense(var), dense(weight)
        to_weight, to_bias = np.empty(sizes[1], F32), np.empty(sizes[1], F32)
        run(
            id(g), id(x), id(m), id(v), address(w), id(out), id(to_weight), id(to_bias), *sizes, eps
        )
        return out, to_weight, to_bias

    return kernel


def channel_sums(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, mean: Any) -> Any:
        fits = takes_small(input) and g.dtype is F32 and mean.dtype is F32
        run = fits and units.function("channels", "channel_sums", 5, 3)
        if not run:
            return below(g, input, mean)
        x, sizes = _layout(input)
        g, m = _beside(g, x, sizes), dense(mean)
        sums, products = np.empty(sizes[1], F32), np.empty(sizes[1], F32)
        run(id(g), id(x), id(m), id(sums), id(products), *sizes)
        return sums, products

    return kernel


def _grouped(x: Any, groups: int) -> tuple[int, int, int, int]:
    return x.shape[0], groups, x.shape[1] // groups, prod(x.shape[2:])


def group_norm_fused(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, weight: Any, bias: Any, num_groups: int, eps: float) -> Any:
        run = takes_small(input) and units.function("channels", "group_norm", 6, 4, 1)
        if not run:
            return below(input, weight, bias, num_groups, eps)
        check_groups(input, num_groups, weight, bias)
        sizes = _grouped(input, num_groups)
        x, w, b, out = dense(input), dense(weight), dense(bias), np.empty(input.shape, F32)
        shape = (sizes[0], num_groups, 1)
        mean, rstd = np.empty(shape, F32), np.empty(shape, F32)
        run(id(x), address(w), address(b), id(out), id(mean), id(rstd), *sizes, eps)
        return out, mean, rstd

    return kernel


def group_norm_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, mean: Any, rstd: Any, weight: Any) -> Any:
        fits = takes_small(input) and g.dtype is F32
        run = fits and units.function("channels", "group_norm_gradient", 8, 4)
        if not run:
            return below(g, input, mean, rstd, weight)
        sizes = _grouped(input, mean.shape[1])
        a, x, out = dense(g), dense(input), np.empty(input.shape, F32)
        m, r, w = dense(mean), dense(rstd), dense(weight)
        to_weight, to_bias = np.empty(input.shape[1], F32), np.empty(input.shape[1], F32)
        run(id(a), id(x), id(m), id(r), address(w), id(out), id(to_weight), id(to_bias), *sizes)
        return out, to_weight, to_bias

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "batch_norm_gradient": batch_norm_gradient,
    "channel_sums": channel_sums,
    "group_norm_fused": group_norm_fused,
    "group_norm_gradient": group_norm_gradient,
}
