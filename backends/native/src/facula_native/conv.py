"""Convolution by oneDNN, or by convolution.c where that is not or is slower: forward, by the input, by the weight, all with channels last.

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
from facula.autograd.halves import with_halves
from facula.dtypes import F32
from facula_native import units
from facula_native.halves import BF16
from facula_native.product import has_instructions, multiplied

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
    """The class of what a convolution is: imported at the first one, as all that plans are made of."""
    from facula.graph.runtime.convolution import Convolution

    return Convolution


@lru_cache(maxsize=512)
def _plan(kind: str, geometry: Any, bias: bool, count: int) -> Any:
    """(run, workspace in bytes), or None where oneDNN has no such convolution."""
    from facula.graph.runtime import convolution, gathered
    from facula.graph.runtime.primitives import PrimitiveMissing

    try:
        plan = gathered.plan(kind, geometry, count, bias)
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
        raise RuntimeError(
            "a convolution failed, for want of memory or in oneDNN, which FACULA_ONEDNN= (empty) switches off"
        )


def _fits(*arrays: Array, dtype: Any = F32) -> bool:
    return all(x is None or (x.dtype is dtype and 0 not in x.shape) for x in arrays) and _is_ready()


def _fit_halves(*arrays: Array) -> bool:
    return _fits(*arrays, dtype=BF16) and has_instructions()


def make_convolution(backend: Any, below: Callable[..., Array]) -> Callable[..., Array]:
    def convolution(
        input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
        output_padding: Ints, groups: int,
    ) -> Array:  # fmt: skip
        options = stride, padding, dilation, transposed, output_padding, groups
        out = _forward(input, weight, bias, *options) if _fits(input, weight, bias) else None
        return below(input, weight, bias, *options) if out is None else channels_second(out)

    def halves(input: Array, weight: Array, bias: Array, *options: Any) -> Array:
        out = _forward(input, weight, bias, *options) if _fit_halves(input, weight, bias) else None
        return NotImplemented if out is None else channels_second(out)

    with_halves(backend, "convolution", halves)
    return convolution


def _forward(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Array:  # fmt: skip
    """The result with channels last; None where it is not ours to do."""
    forward = transposed_forward if transposed else plain_forward
    return forward(input, weight, bias, stride, padding, dilation, output_padding, groups)


def plain_forward(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, _: Ints, groups: int
) -> Array:  # fmt: skip
    c = _geometry().of(input.shape, weight.shape, stride, padding, dilation, groups)
    if c.n * prod(c.out) * weight.size < units.SMALL or min(c.out) < 1:
        return None
    if c.is_product:
        return product_of(_met(input, stride), _matrix(weight, c.channels).T, bias)
    plan = _plan("forward", c.of_dtype(input.dtype), bias is not None, threads.get_num_threads())
    if plan is None:
        return None
    result = np.empty((c.n, *c.out, c.outputs), input.dtype)
    if bias is not None:
        bias = np.ascontiguousarray(bias, np.float32)
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
    made = input.dtype if bias is None else F32  # rounded once, after the bias
    plan = _plan("backward_input", c.of_dtype(input.dtype, made), False, threads.get_num_threads())
    if plan is None:
        return None
    result = np.empty((c.n, *c.size, c.channels), made)
    _run(plan, channels_last(input), np.ascontiguousarray(weight), None, result)
    if bias is not None:
        result += bias.astype(F32)
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
    def convolution_weight_grad(input: Array, grad: Array, *options: Any) -> Array:
        out = _weight_grad(input, grad, *options) if _fits(input, grad) else None
        return below(input, grad, *options) if out is None else out

    def halves(input: Array, grad: Array, *options: Any) -> Array:
        out = _weight_grad(input, grad, *options) if _fit_halves(input, grad) else None
        return NotImplemented if out is None else out

    with_halves(backend, "convolution_weight_grad", halves)
    return convolution_weight_grad


def _weight_grad(
    input: Array, grad: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:  # fmt: skip
    """The gradient, float32 where it is one of oneDNN; None where it is not ours to do."""
    options = kernel, stride, padding, dilation, groups
    c = _geometry().between(input.shape, grad.shape, *options)
    shape = (c.outputs, c.channels // groups, *kernel)
    if c.n * prod(c.out) * prod(shape) < units.SMALL:
        return None
    if c.is_product:
        x, g = (channels_last(a) for a in (_met(input, stride), grad))
        found = multiplied(_matrix(g, c.outputs).T, _matrix(x, c.channels))
        return None if found is None else found.reshape(shape)
    plan = _plan("backward_weights", c.of_dtype(input.dtype), False, threads.get_num_threads())
    if plan is None:
        return None
    result = np.empty(shape, np.float32)
    _run(plan, channels_last(input), result, None, channels_last(grad))
    return result


@cache
def _is_ready() -> bool:
    """Whether there is a compiled library; asked at the first convolution, when all that it needs is loaded."""
    return units.unit("split") is not None


WRAPPERS = {
    "convolution": make_convolution,
    "convolution_weight_grad": make_weight_grad,
}
