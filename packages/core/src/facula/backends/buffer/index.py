"""Indexing as `Gather` and `Scatter` kernels along one dimension."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import map_arrays
from facula.backends.buffer.kernels import Gather, Scatter
from facula.backends.buffer.scan import moved_last, scan
from facula.dtypes import B8, I64


def gather(xp: Any, input: BufferArray, dim: int, index: BufferArray) -> BufferArray:
    out = xp.empty(index.shape, input.dtype)
    if out.size:
        order = moved_last(dim, len(index.shape))
        shape = tuple(index.shape[d] for d in order)
        operands = [x.operand(order) for x in (out, input, index)]
        xp.launch(Gather(input.dtype), shape, input.shape[dim], *operands)
    return out  # type: ignore[no-any-return]


COMBINE = {
    "assign": "b",
    "sum": "a + b",
    "prod": "a * b",
    "amax": "maximum(a, b)",
    "amin": "minimum(a, b)",
}


def scatter(
    xp: Any,
    input: BufferArray,
    dim: int,
    index: BufferArray,
    src: BufferArray,
    reduce: str = "assign",
) -> BufferArray:
    out = xp.copy(input)
    if index.size:
        order = moved_last(dim, len(index.shape))
        shape = tuple(index.shape[d] for d in order)
        operands = [x.operand(order) for x in (out, index, src)]
        xp.launch(Scatter(COMBINE[reduce], out.dtype), shape, out.shape[dim], *operands)
    return out  # type: ignore[no-any-return]


def nonzero(xp: Any, input: BufferArray) -> BufferArray:
    """Each true element knows from a running sum where in the result it goes; the last sum is its size."""
    size = input.size
    found = xp.view(xp.copy(map_arrays(xp, "a != 0", (input,), input.dtype, B8)), (size,))
    number = scan(xp, "a + b", found, 0, I64)
    count = int(xp.to_numpy(xp.slice(number, 0, size - 1, size, 1))[0]) if size else 0
    if not size or not input.shape:
        return xp.empty((count, len(input.shape)), I64)  # type: ignore[no-any-return]
    target = map_arrays(xp, "where(a, b - 1, c)", (found, number, count), I64, I64)
    flat = scatter(xp, xp.empty((count + 1,), I64), 0, target, xp.sequence(0, 1, size, I64))
    return _unravelled(xp, xp.slice(flat, 0, 0, count, 1), input.shape)


def _unravelled(xp: Any, flat: BufferArray, shape: tuple[int, ...]) -> BufferArray:
    """Positions in row-major order as one column per dimension."""
    columns = []
    for n in reversed(shape):
        columns.append(map_arrays(xp, "remainder(a, b)", (flat, n), I64, I64))
        flat = map_arrays(xp, "floor_divide(a, b)", (flat, n), I64, I64)
    columns = [xp.view(c, (*c.shape, 1)) for c in reversed(columns)]
    return xp.join(tuple(columns), 1)  # type: ignore[no-any-return]


LEAVES = {"gather": gather, "scatter": scatter, "nonzero": nonzero}
