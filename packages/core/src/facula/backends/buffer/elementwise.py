"""Elementwise leaves as `Map` kernels: broadcasting, scalars and dtypes are dealt with here."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula import promotion
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.expressions import EXPRESSIONS, NONE
from facula.backends.buffer.kernels import Input, Map, Operand
from facula.backends.meta import result_dtype
from facula.dtypes import B8, F64, FROM_NUMPY, I64
from facula.ops.dims import broadcast_shapes


def map_leaf(xp: Any, op: Any, args: tuple[Any, ...]) -> BufferArray:
    """An elementwise leaf by its expression."""
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
    return map_arrays(xp, expression, inputs, dtype, output)


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
    if not out.size:
        return
    kinds = tuple(_input(x, dtype) for x in inputs)
    operands = [x.spread(out.shape) if isinstance(x, BufferArray) else x for x in inputs]
    shape, operands = collapse(out.shape, [out.operand(), *operands])
    xp.launch(Map(expression, kinds, dtype, out.dtype), shape, *operands)


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


def collapse(shape: tuple[int, ...], operands: list[Any]) -> tuple[tuple[int, ...], list[Any]]:
    """The same loop in as few dimensions as the strides of all operands allow."""
    arrays = [x for x in operands if isinstance(x, Operand)]
    kept: list[int] = []  # sizes
    steps: list[list[int]] = []  # per dimension: the stride of each array
    for d, n in enumerate(shape):
        if n == 1:
            continue
        here = [x.strides[d] for x in arrays]
        if kept and steps[-1] == [n * s for s in here]:
            kept[-1], steps[-1] = kept[-1] * n, here
        else:
            kept.append(n)
            steps.append(here)
    columns = iter(zip(*steps) if steps else [()] * len(arrays))
    return tuple(kept), [
        Operand(x.buffer, x.offset, tuple(next(columns))) if isinstance(x, Operand) else x
        for x in operands
    ]
