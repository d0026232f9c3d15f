"""Softmax, layer norm and RMS norm along rows of neighbours, with their gradients."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula.ops.norm import check_normalized
from facula_native import units
from facula_native.builtins import exchange

Kernel = Callable[..., Any]
#: Dtypes of class and row numbers that int64 holds.
NUMBERS = frozenset(np.dtype(t) for t in ("i1", "i2", "i4", "i8", "u1", "u2", "u4"))


def takes(x: Any) -> bool:
    """Whether an array is large enough, and float32."""
    return x.dtype is F32 and x.size >= units.SMALL and x.size > 0


def takes_small(x: Any) -> bool:
    """Whether an array is float32, for a call of C that takes the place of several of NumPy."""
    return x.dtype is F32 and (units.is_awake or x.size >= units.SMALL) and x.size > 0


def _is_last(x: Any, dim: int) -> bool:
    return x.ndim > 0 and dim in (-1, x.ndim - 1)


def _forward(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(input: Any, dim: int) -> Any:
            if not (takes_small(input) and _is_last(input, dim)):
                return below(input, dim)
            run = units.function("rows", name, 2, 2)
            if run is None:
                return below(input, dim)
            n = input.shape[-1]
            x, out = dense(input), np.empty(input.shape, F32)
            run(id(x), id(out), x.size // n, n)
            return out

        return kernel

    return make


def _backward(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(g: Any, out: Any, dim: int) -> Any:
            if not (takes_small(g) and out.dtype is F32 and _is_last(g, dim)):
                return below(g, out, dim)
            run = units.function("rows", name, 3, 2)
            if run is None:
                return below(g, out, dim)
            n = g.shape[-1]
            a, b, result = dense(g), dense(out), np.empty(g.shape, F32)
            run(id(a), id(b), id(result), a.size // n, n)
            return result

        return kernel

    return make


def native_layer_norm(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
        run = takes_small(input) and units.function("rows", "layer_norm", 6, 2, 1)
        if not run:
            return below(input, normalized_shape, weight, bias, eps)
        exchange(backend, "rows", "native_layer_norm", kernel)
        shape, affine = input.shape[-1:], (weight, bias)
        is_usual = shape and normalized_shape == shape
        if not is_usual or any([v is not None and v.shape != shape for v in affine]):
            shape = check_normalized("layer_norm", input, normalized_shape, *affine)
        n = prod(shape)
        x, out = dense(input), np.empty(input.shape, F32)
        w, b = dense(weight), dense(bias)
        lead = (*input.shape[: input.ndim - len(shape)], *[1] * len(shape))
        mean, rstd = np.empty(lead, F32), np.empty(lead, F32)
        run(id(x), address(w), address(b), id(out), id(mean), id(rstd), x.size // n, n, eps)
        return out, mean, rstd

    return kernel


def layer_norm_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, mean: Any, rstd: Any, weight: Any, count: int) -> Any:
        run = (
            takes_small(g)
            and input.dtype is F32
            and units.function("rows", "layer_norm_gradient", 8, 2)
        )
        if not run:
            return below(g, input, mean, rstd, weight, count)
        shape = input.shape[input.ndim - count :]
        n = prod(shape)
        a, x, out = dense(g), dense(input), np.empty(input.shape, F32)
        rows = x.size // n
        mean, rstd, w = dense(mean), dense(rstd), dense(weight)
        to_weight, to_bias = _tables(rows, n), _tables(rows, n)
        run(
            id(a),
            id(x),
            id(mean),
            id(rstd),
            address(w),
            id(out),
            id(to_weight),
            id(to_bias),
            rows,
            n,
        )
        return out, _first(to_weight, shape), _first(to_bias, shape)

    return kernel


def rms_norm_fused(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, weight: Any, count: int, eps: float) -> Any:
        run = takes_small(input) and units.function("rows", "rms_norm", 4, 2, 1)
        if not run:
            return below(input, weight, count, eps)
        n = prod(input.shape[input.ndim - count :])
        x, out, w = dense(input), np.empty(input.shape, F32), dense(weight)
        rrms = np.empty((*input.shape[: input.ndim - count], *[1] * count), F32)
        run(id(x), address(w), id(out), id(rrms), x.size // n, n, eps)
        return out, rrms

    return kernel


def rms_norm_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, weight: Any, rrms: Any, count: int) -> Any:
        run = (
            takes_small(g)
            and input.dtype is F32
            and units.function("rows", "rms_norm_gradient", 6, 2)
        )
        if not run:
            return below(g, input, weight, rrms, count)
        shape = input.shape[input.ndim - count :]
        n = prod(shape)
        a, x, out = dense(g), dense(input), np.empty(input.shape, F32)
        rows, r, w = x.size // n, dense(rrms), dense(weight)
        to_weight = _tables(rows, n)
        run(id(a), id(x), id(r), address(w), id(out), id(to_weight), rows, n)
        return out, _first(to_weight, shape)

    return kernel


#: Rows whose sums by column are kept apart (ROWS_A_SUM of rows.c).
GROUP = 64


def _tables(rows: int, n: int) -> Any:
    return np.empty((-(-rows // GROUP), n), F32)


def _first(table: Any, shape: Any) -> Any:
    """The first row: a copy, where keeping it would keep the whole table."""
    return (table[0] if len(table) == 1 else table[0].copy()).reshape(shape)


def dense(x: Any) -> Any:
    """In memory without gaps; None stays."""
    return x if x is None or x.flags.c_contiguous else np.ascontiguousarray(x)


def address(x: Any) -> int:
    return 0 if x is None else id(x)


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "softmax": _forward("softmax"),
    "log_softmax": _forward("log_softmax"),
    "softmax_gradient": _backward("softmax_gradient"),
    "log_softmax_gradient": _backward("log_softmax_gradient"),
    "native_layer_norm": native_layer_norm,
    "layer_norm_gradient": layer_norm_gradient,
    "rms_norm_fused": rms_norm_fused,
    "rms_norm_gradient": rms_norm_gradient,
}
