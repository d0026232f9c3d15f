"""Convolution by oneDNN, where its wheel is installed: forward, by the input, by the weight, all with channels last.

Results have the shape that the op says, and strides by which the channels of one place are neighbours: what elementwise
kernels, pooling and batch norm make of them lies the same way, so nothing is turned over between layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from threading import local
from typing import Any

import numpy as np

from facula import threads
from facula.dtypes import F32
from facula_native import units
from facula_native.product import multiplied

Array = Any
Ints = tuple[int, ...]


def channels_last(x: Array) -> Array:
    """(N, C, *size) as (N, *size, C) without gaps: a view of what lies so already, else a copy."""
    x = x.transpose(0, *range(2, x.ndim), 1)
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


def channels_second(x: Array) -> Array:
    """(N, *size, C) as (N, C, *size), a view."""
    last = x.ndim - 1
    return x.transpose(0, last, *range(1, last))


def address(x: Array) -> int:
    return x.__array_interface__["data"][0]  # type: ignore[no-any-return]


@cache
def _geometry() -> Any:
    """The class of what a convolution is: imported at the first one, as all of oneDNN's."""
    from facula.graph.runtime.convolution import Convolution

    return Convolution


@lru_cache(maxsize=512)
def _plan(kind: str, geometry: Any, bias: bool, count: int) -> Any:
    """(run, workspace in bytes), or None where oneDNN has no such convolution."""
    from facula.graph.runtime import convolution
    from facula.graph.runtime.primitives import PrimitiveMissing

    try:
        more = (bias,) if kind == "forward" else ()
        plan = getattr(convolution, kind)(geometry, count, *more)
    except PrimitiveMissing:
        return None
    return plan.runner(convolution.SLOTS), plan.workspace


class _Workspace(local):
    """Memory that a thread's convolutions take turns in; it grows to what the largest needs."""

    array: Array = None

    def address(self, nbytes: int) -> int:
        if self.array is None or self.array.size < nbytes + 64:
            self.array = np.empty(nbytes + 64, np.uint8)
        start = address(self.array)
        return start + -start % 64


_workspace = _Workspace()


def _run(plan: Any, source: Array, weight: Array, bias: Array, out: Array) -> None:
    run, nbytes = plan
    by = 0 if bias is None else address(bias)
    pointers = (address(source), address(weight), by, address(out), _workspace.address(nbytes))
    if run(threads.get_num_threads(), *pointers):
        raise RuntimeError("oneDNN failed in a convolution; FACULA_ONEDNN= (empty) switches it off")


def _fits(*arrays: Array) -> bool:
    return all(x is None or (x.dtype is F32 and 0 not in x.shape) for x in arrays)


def make_convolution(backend: Any, below: Callable[..., Array]) -> Callable[..., Array]:
    def convolution(
        input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
        output_padding: Ints, groups: int,
    ) -> Array:  # fmt: skip
        out = None
        if _fits(input, weight, bias) and _is_ready():
            forward = transposed_forward if transposed else plain_forward
            out = forward(input, weight, bias, stride, padding, dilation, output_padding, groups)
        if out is None:
            options = stride, padding, dilation, transposed, output_padding, groups
            return below(input, weight, bias, *options)
        return channels_second(out)

    return convolution


def plain_forward(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, _: Ints, groups: int
) -> Array:  # fmt: skip
    c = _geometry().of(input.shape, weight.shape, stride, padding, dilation, groups)
    if c.n * prod(c.out) * weight.size < units.SMALL or min(c.out) < 1:
        return None
    if c.is_product:
        return product_of(_met(input, stride), _matrix(weight, c.channels).T, bias)
    plan = _plan("forward", c, bias is not None, threads.get_num_threads())
    if plan is None:
        return None
    result = np.empty((c.n, *c.out, c.outputs), np.float32)
    if bias is not None:
        bias = np.ascontiguousarray(bias)
    _run(plan, channels_last(input), np.ascontiguousarray(weight), bias, result)
    return result


def transposed_forward(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, output_padding: Ints, groups: int
) -> Array:  # fmt: skip
    """The gradient by the input of the convolution whose adjoint this is."""
    options = stride, padding, dilation, groups, output_padding
    c = _geometry().adjoint_of(input.shape, weight.shape, *options)
    if c.n * prod(c.out) * weight.size < units.SMALL or min(c.size) < 1:
        return None
    if c.is_product and c.size == c.out:
        return product_of(input, _matrix(weight, c.channels), bias)
    plan = _plan("backward_input", c, False, threads.get_num_threads())
    if plan is None:
        return None
    result = np.empty((c.n, *c.size, c.channels), np.float32)
    _run(plan, channels_last(input), np.ascontiguousarray(weight), None, result)
    if bias is not None:
        result += bias
    return result


def product_of(x: Array, weight: Array, bias: Array) -> Array:
    """The convolution of kernels of one element: x (N, C, *size) by (C, O) as (N, *size, O)."""
    x = channels_last(x)
    bias = None if bias is None else np.ascontiguousarray(bias)
    out = multiplied(_matrix(x, x.shape[-1]), weight, bias)
    return None if out is None else out.reshape(*x.shape[:-1], -1)


def _met(x: Array, stride: Ints) -> Array:
    """What windows of one element meet."""
    return x[:, :, *(slice(None, None, s) for s in stride)]


def _matrix(x: Array, columns: int) -> Array:
    return x.reshape(-1, columns)


def make_weight_grad(backend: Any, below: Callable[..., Array]) -> Callable[..., Array]:
    def convolution_weight_grad(
        input: Array, grad: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
    ) -> Array:  # fmt: skip
        options = kernel, stride, padding, dilation, groups
        if not _fits(input, grad) or not _is_ready():
            return below(input, grad, *options)
        c = _geometry().between(input.shape, grad.shape, *options)
        shape = (c.outputs, c.channels // groups, *kernel)
        plan = None
        if c.n * prod(c.out) * prod(shape) >= units.SMALL:
            if c.is_product:
                x, g = (channels_last(a) for a in (_met(input, stride), grad))
                found = multiplied(_matrix(g, c.outputs).T, _matrix(x, c.channels))
                return below(input, grad, *options) if found is None else found.reshape(shape)
            plan = _plan("backward_weights", c, False, threads.get_num_threads())
        if plan is None:
            return below(input, grad, *options)
        result = np.empty(shape, np.float32)
        _run(plan, channels_last(input), result, None, channels_last(grad))
        return result

    return convolution_weight_grad


@cache
def _is_ready() -> bool:
    """Whether oneDNN can be used; asked at the first convolution, when all that it needs is loaded."""
    from facula.graph.runtime import has_onednn

    return units.unit("split") is not None and has_onednn()


WRAPPERS = {
    "convolution": make_convolution,
    "convolution_weight_grad": make_weight_grad,
}
