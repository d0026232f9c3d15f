"""Sorting along one dimension as `Sort` kernels."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import Sort
from facula.backends.buffer.scan import moved_last
from facula.dtypes import FROM_NUMPY, I64


def sort(
    xp: Any, input: BufferArray, dim: int = -1, descending: bool = False, stable: bool = False
) -> tuple[BufferArray, BufferArray]:
    if FROM_NUMPY[input.dtype].is_complex:
        raise RuntimeError(
            f"sort: complex numbers have no order, the input is {FROM_NUMPY[input.dtype].name}"
        )
    values, positions = xp.copy(input), xp.full(input.shape, 0, I64)
    if input.shape and input.size:
        order = moved_last(dim, len(input.shape))
        shape = tuple(input.shape[d] for d in order)
        operands = [x.operand(order) for x in (values, positions, input)]
        xp.launch(Sort(bool(descending), input.dtype), shape, *operands)
    return values, positions


LEAVES = {"sort": sort}
