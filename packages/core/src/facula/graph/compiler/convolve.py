"""Convolutions of a program as calls of oneDNN or convolution.c: one launch each, activations with channels last."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.dtypes import F32
from facula.graph.compiler.planned import Planned
from facula.graph.runtime import convolution as plans, gathered
from facula.graph.runtime.primitives import BF16, PrimitiveMissing

#: The slots of a plan that are written.
WRITTEN = {
    "forward": (plans.OUTPUT, plans.WORKSPACE),
    "backward_input": (plans.OUTPUT, plans.WORKSPACE),
    "backward_weights": (plans.WEIGHTS, plans.WORKSPACE),
}
#: Those of the two factors of its sums.
FACTORS = {
    "forward": (plans.INPUT, plans.WEIGHTS),
    "backward_input": (plans.INPUT, plans.WEIGHTS),
    "backward_weights": (plans.INPUT, plans.OUTPUT),
}


class Convolve(Planned):
    """A plan of `gathered.plan`, which says what it raises."""

    def __init__(self, threads: int, kind: str, geometry: tuple[Any, ...], *more: Any):
        c = plans.Convolution(*geometry)
        self.plan = gathered.plan(kind, c, threads, *more)
        request = ("convolution", threads, kind, tuple(geometry), *more)
        super().__init__(
            self.plan.settle(), WRITTEN[kind], request=request, workspace=self.plan.workspace,
            halves=FACTORS[kind] if c.read == BF16 else (), matrix=self._matrix(kind, c),
        )  # fmt: skip

    @staticmethod
    def _matrix(kind: str, c: plans.Convolution) -> tuple[int, int] | None:
        """Rows and columns of the result, as the plan tells of those that are done."""
        if kind == "backward_weights":
            return None
        size, channels = (c.out, c.outputs) if kind == "forward" else (c.size, c.channels)
        return c.n * prod(size), channels


def install(xp: Any) -> None:
    """Has a device that takes notes note convolutions whole."""
    made: dict[Any, Convolve | None] = {}

    def kernel(kind: str, geometry: plans.Convolution, *more: Any) -> Convolve | None:
        key = kind, geometry, *more
        if key not in made:
            try:
                made[key] = Convolve(xp.threads, kind, geometry, *more)
            except PrimitiveMissing:
                made[key] = None
        return made[key]

    xp.convolution = _convolution(xp, xp.convolution, kernel)
    xp.convolution_weight_grad = _weight_grad(xp, xp.convolution_weight_grad, kernel)


def _fits(*arrays: Any) -> bool:
    return all(x is None or (x.dtype is F32 and 0 not in x.shape) for x in arrays)


def channels_last(xp: Any, x: BufferArray) -> BufferArray:
    """(N, C, *size) as (N, *size, C) without gaps: a view of what lies so, else a copy."""
    dims = (0, *range(2, len(x.shape)), 1)
    view = x.view([x.shape[d] for d in dims], [x.strides[d] for d in dims], x.offset)
    return in_order(xp, view)


def in_order(xp: Any, x: BufferArray) -> BufferArray:
    return x if x.is_contiguous else xp.copy(x)


def channels_second(x: BufferArray) -> BufferArray:
    """(N, *size, C) as (N, C, *size), a view."""
    dims = (0, len(x.shape) - 1, *range(1, len(x.shape) - 1))
    return x.view([x.shape[d] for d in dims], [x.strides[d] for d in dims], x.offset)


def _launch(xp: Any, kernel: Convolve, arrays: dict[int, BufferArray | None]) -> None:
    if kernel.workspace:
        arrays[plans.WORKSPACE] = xp.empty((kernel.workspace // 4,), F32)
    given = [arrays.get(slot) for slot in range(plans.SLOTS)]
    xp.turns = True
    xp.note(kernel, *(None if x is None else x.operand() for x in given))


def _convolution(xp: Any, below: Callable[..., Any], kernel: Callable[..., Any]) -> Any:
    def convolution(
        input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, output_padding: Any,
        groups: int,
    ) -> Any:  # fmt: skip
        options = stride, padding, dilation, groups
        found = None
        if _fits(input, weight, bias):
            c = plans.Convolution
            if transposed:
                geometry = c.adjoint_of(input.shape, weight.shape, *options, output_padding)
                shape = (geometry.n, *geometry.size, geometry.channels)
                what: tuple[Any, ...] = ("backward_input", geometry)
            else:
                geometry = c.of(input.shape, weight.shape, *options)
                shape = (geometry.n, *geometry.out, geometry.outputs)
                what = "forward", geometry, bias is not None
            if geometry.is_product and (not transposed or geometry.size == geometry.out):
                return _product(xp, input, weight, bias, stride, transposed)
            if min(shape) > 0:
                input, weight, found = _with_factors(xp, input, weight, kernel, *what)
        if found is None:
            return below(input, weight, bias, *options[:3], transposed, output_padding, groups)
        out = xp.empty(shape, F32)
        arrays = {
            plans.INPUT: channels_last(xp, input),
            plans.WEIGHTS: in_order(xp, weight),
            plans.OUTPUT: out,
        }
        if bias is not None and not transposed:
            arrays[plans.BIAS] = in_order(xp, bias)
        _launch(xp, found, arrays)
        result = channels_second(out)
        return _with_bias(xp, result, bias) if transposed else result

    return convolution


def _with_factors(xp: Any, a: Any, b: Any, kernel: Any, kind: str, c: plans.Convolution, *more: Any) -> Any:  # fmt: skip
    """The factors and the kernel for them: what was cast from bfloat16 is taken as that, where there are instructions for it."""
    halves = xp.origins.of_all(a, b)
    found = None if halves is None else kernel(kind, c._replace(read=BF16), *more)
    return (*halves, found) if found is not None else (a, b, kernel(kind, c, *more))


def _with_bias(xp: Any, x: BufferArray, bias: BufferArray | None) -> BufferArray:
    if bias is None:
        return x
    return xp.add(x, xp.reshape(bias, (bias.shape[0], *(1,) * (len(x.shape) - 2))))  # type: ignore[no-any-return]


def _product(xp: Any, x: BufferArray, weight: BufferArray, bias: Any, stride: Any, transposed: bool) -> BufferArray:  # fmt: skip
    x = channels_last(xp, _met(xp, x, stride))
    w = _matrix(xp, weight, weight.shape[1])
    out = xp.matmul(_matrix(xp, x, x.shape[-1]), w if transposed else xp.transpose(w, 0, 1))
    xp.turns = True
    return _with_bias(xp, channels_second(xp.view(out, (*x.shape[:-1], out.shape[1]))), bias)


def _met(xp: Any, x: BufferArray, stride: Any) -> BufferArray:
    """What windows of one element meet."""
    for d, s in enumerate(stride, 2):
        x = x if s == 1 else xp.slice(x, d, 0, x.shape[d], s)
    return x


def _matrix(xp: Any, x: BufferArray, columns: int) -> BufferArray:
    return xp.reshape(x, (-1, columns))  # type: ignore[no-any-return]


def _weight_grad(xp: Any, below: Callable[..., Any], kernel: Callable[..., Any]) -> Any:
    def convolution_weight_grad(
        input: Any, grad: Any, size: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Any:
        found = None
        if _fits(input, grad) and prod(size) > 0:
            options = size, stride, padding, dilation, groups
            geometry = plans.Convolution.between(input.shape, grad.shape, *options)
            if geometry.is_product:
                x, g = (channels_last(xp, a) for a in (_met(xp, input, stride), grad))
                x, g = (_matrix(xp, a, a.shape[-1]) for a in (x, g))
                return xp.view(xp.matmul(xp.transpose(g, 0, 1), x), (g.shape[1], x.shape[1], *size))
            input, grad, found = _with_factors(
                xp, input, grad, kernel, "backward_weights", geometry
            )
        if found is None:
            return below(input, grad, size, stride, padding, dilation, groups)
        out = xp.empty((grad.shape[1], input.shape[1] // groups, *size), F32)
        arrays = {
            plans.INPUT: channels_last(xp, input),
            plans.OUTPUT: channels_last(xp, grad),
            plans.WEIGHTS: out,
        }
        _launch(xp, found, arrays)
        return out

    return convolution_weight_grad
