"""Elementwise leaves as `Map` kernels: broadcasting, scalars and dtypes are dealt with here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from facula import promotion
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.expressions import EXPRESSIONS, NONE
from facula.backends.buffer.kernels import Input, Map
from facula.backends.meta import bind_arguments, result_dtype
from facula.dtypes import B8, F64, FROM_NUMPY, I64
from facula.ops.dims import broadcast_shapes, row_major

new = object.__new__


#: Worked-out launches that a device remembers of each kind.
REMEMBERED = 4096


class Plan(NamedTuple):
    """A `Map` over arrays of certain shapes and strides: all that is the same each time it is launched.

    `launch(buffers, offsets, scalars)` runs it, the result first among the buffers; `None` where it is empty.
    `arrays` and `scalars` say which of the inputs are which.
    """

    launch: Callable[[Any, Any, Any], None] | None
    arrays: tuple[int, ...]
    scalars: tuple[int, ...]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any
    nbytes: int
    in_order: bool

    def __call__(self, xp: Any, inputs: Any) -> BufferArray:
        """The result, in new memory."""
        out = fresh(xp, self)
        self.fill(out, inputs)
        return out

    def fill(self, out: BufferArray, inputs: Any) -> None:
        """The result, in `out`."""
        if self.launch is None:
            return
        arrays = [inputs[k] for k in self.arrays]
        self.launch(
            [out.buffer, *[x.buffer for x in arrays]],
            [out.offset, *[x.offset for x in arrays]],
            [inputs[k] for k in self.scalars],
        )


def fresh(xp: Any, plan: Plan) -> BufferArray:
    """A new array for the result of a plan; `xp.empty` with everything known."""
    out: BufferArray = new(BufferArray)
    out.nbytes = plan.nbytes
    out.buffer = xp.alloc(plan.nbytes or 1)
    out.shape, out.strides, out.dtype = plan.shape, plan.strides, plan.dtype
    out.offset, out.xp, out.is_whole = 0, xp, plan.in_order
    return out


def elementwise(xp: Any, op: Any) -> Callable[..., BufferArray]:
    """The kernel of an elementwise leaf, by its expression."""
    plans: dict[Any, Plan] = {}

    def call(*args: Any, **named: Any) -> BufferArray:
        try:  # two arrays, of shapes that have met before
            a, b = args
            plan = plans[a.dtype, a.shape, a.strides, b.dtype, b.shape, b.strides]
        except (KeyError, ValueError, AttributeError):
            return general(args, named)
        out = fresh(xp, plan)
        if plan.launch is not None:
            plan.launch((out.buffer, a.buffer, b.buffer), (0, a.offset, b.offset), ())
        return out

    def general(args: Any, named: Any) -> BufferArray:
        if named or len(args) != len(op.parameters):
            args = bind_arguments(op, args, named)
        key = tuple(part for x in args for part in signature(x))
        plan = plans.get(key)
        if plan is None:
            if len(plans) >= REMEMBERED:
                plans.clear()
            plan = plans[key] = _plan_of_leaf(xp, op, args)
        return plan(xp, args)

    return call


def power(xp: Any, leaf: Callable[..., BufferArray]) -> Callable[..., BufferArray]:
    """The kernel of `pow`: to 0.5 or -0.5 it is a root, as in PyTorch; of -inf and -0.0 C's pow gives inf and 0.0."""

    def call(input: Any, exponent: Any) -> BufferArray:
        if exponent.__class__ is float and abs(exponent) == 0.5:
            root: BufferArray = xp.sqrt(input)
            return root if exponent > 0 else xp.div(1, root)
        return leaf(input, exponent)

    return call


def signature(x: Any) -> tuple[Any, ...]:
    """What of an argument decides how a leaf is launched."""
    if x.__class__ is BufferArray:
        return x.dtype, x.shape, x.strides
    if x.__class__ is int:
        return int, x < 0, x < 1 << 63
    if x.__class__ is float or x.__class__ is bool or x.__class__ is complex:
        return (x.__class__,)
    return (x,)  # an option


def _plan_of_leaf(xp: Any, op: Any, args: tuple[Any, ...]) -> Plan:
    inputs = args[: len(op.inputs)]
    dtype = _computed_in(op, inputs)
    if (
        op.name == "pow"
        and FROM_NUMPY[dtype].category < 2
        and isinstance(inputs[1], int)
        and inputs[1] < 0
    ):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    output = np.dtype(result_dtype(op, args)) if op.dtype is not None else dtype
    expression = EXPRESSIONS[op.name].of(FROM_NUMPY[dtype].category)
    if expression is NONE:
        raise RuntimeError(f"{op.name}: not defined for {FROM_NUMPY[dtype].name} tensors")
    shape = broadcast_shapes(*(x.shape for x in inputs if isinstance(x, BufferArray)))
    return _plan(xp, expression, inputs, dtype, output, shape, xp.laid_out(shape, inputs))


def _plan(
    xp: Any, expression: str, inputs: Any, dtype: Any, output: Any, shape: Any, strides: Any
) -> Plan:
    """How `expression` over `inputs` is launched for a result of this dtype, shape and strides."""
    size = math.prod(shape)
    places = tuple(k for k, x in enumerate(inputs) if isinstance(x, BufferArray))
    scalars = tuple(k for k in range(len(inputs)) if k not in places)
    launch = None
    if size:
        kernel = Map(expression, tuple(_input(x, dtype) for x in inputs), dtype, output)
        spread = [inputs[k].spread(shape).strides for k in places]
        sizes, steps = collapse(shape, [strides, *spread])
        launch = xp.plan(kernel, sizes, steps)
    in_order = strides == row_major(shape)
    nbytes = size * output.itemsize
    return Plan(launch, places, scalars, tuple(shape), strides, output, nbytes, in_order)


def _computed_in(op: Any, inputs: Any) -> Any:
    arrays = [x for x in inputs if isinstance(x, BufferArray) and x.dtype is not B8]
    arrays = arrays or [x for x in inputs if isinstance(x, BufferArray)]
    if op.promote is None and len(arrays) == 1:
        return arrays[0].dtype
    scalars = [x for x in inputs if not isinstance(x, BufferArray)]
    d = promotion.result_dtype(arrays, scalars)
    return (promotion.to_float(d) if op.promote == "float" else d).dtype


def map_arrays(xp: Any, expression: str, inputs: Any, dtype: Any, output: Any) -> BufferArray:
    """A new array of `expression` over arrays and scalars, broadcast together."""
    shape = broadcast_shapes(*(x.shape for x in inputs if isinstance(x, BufferArray)))
    out: BufferArray = xp.empty(shape, output)
    map_into(xp, out, expression, inputs, dtype)
    return out


def map_into(xp: Any, out: BufferArray, expression: str, inputs: Any, dtype: Any) -> None:
    """Stores `expression` over `inputs` in `out`, whose shape they are broadcast to."""
    parts = [part for x in inputs for part in signature(x)]
    key = (expression, dtype, out.dtype, out.shape, out.strides, *parts)
    plan = xp.plans.get(key)
    if plan is None:
        if len(xp.plans) >= REMEMBERED:
            xp.plans.clear()
        plan = _plan(xp, expression, inputs, dtype, out.dtype, out.shape, out.strides)
        xp.plans[key] = plan
    plan.fill(out, inputs)


def _input(x: Any, dtype: Any) -> Input:
    return Input(x.dtype) if isinstance(x, BufferArray) else Input(_scalar_dtype(x, dtype), True)


def _scalar_dtype(x: Any, dtype: Any) -> Any:
    if isinstance(x, bool):
        return B8
    if isinstance(x, int) and FROM_NUMPY[dtype].category < 2:
        return I64 if x < 1 << 63 else np.dtype(np.uint64)
    return np.dtype(np.complex128) if isinstance(x, complex) else F64


def copy_into(xp: Any, target: BufferArray, source: Any) -> None:
    """Stores `source`, converted and broadcast, in `target`."""
    dtype = source.dtype if isinstance(source, BufferArray) else target.dtype
    map_into(xp, target, "a", (source,), dtype)


def collapse(
    shape: tuple[int, ...], strides: list[tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The same loop in as few dimensions as the strides of all operands allow."""
    kept: list[int] = []  # sizes
    steps: list[list[int]] = []  # per dimension: the stride of each operand
    for d, n in enumerate(shape):
        if n == 1:
            continue
        here = [s[d] for s in strides]
        if kept and steps[-1] == [n * s for s in here]:
            kept[-1], steps[-1] = kept[-1] * n, here
        else:
            kept.append(n)
            steps.append(here)
    return tuple(kept), list(zip(*steps)) if steps else [()] * len(strides)
