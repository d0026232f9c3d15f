"""Reductions of very many elements to few, in two steps: pieces first, then these.

So all threads take part in a sum of everything; and sums of columns (batch norm's, of a bias) are shared out by rows, as the
maps before and after them are: a thread that takes half of each row has half of the memory's speed, and others' parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from facula.graph.codegen.elements import accumulator
from facula.graph.compiler.fuse import count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load, Nest, ReduceNest, Store
from facula.ops.dims import row_major

#: Results, from which on a reduction is shared out by them.
MANY = 16
#: Most pieces for one result, and the least elements of one. Neither depends on the number of threads, so no bit does.
PIECES, LEAST = 32, 2048


def split_sums(nests: Sequence[Nest]) -> list[Nest]:
    """The nests, with reductions that only one thread could do in two."""
    return [part for nest in nests for part in _split(nest)]


def _split(nest: Nest) -> list[Nest]:
    if not isinstance(nest, ReduceNest) or (count(nest.shape) >= MANY and not _is_of_columns(nest)):
        return [nest]
    if accumulator(nest.dtype) is not nest.dtype:  # pieces would be rounded
        return [nest]
    pieces = _pieces(nest)
    return [nest] if pieces < 2 else _in_two(nest, pieces)


def _is_of_columns(nest: ReduceNest) -> bool:
    """Whether rows, of all results each, lie one after the other in what is read."""
    row = count(nest.shape)
    return len(nest.shape) == len(nest.reduced) == 1 and any(
        x.strides == (1, row) for x in nest.value.loads()
    )


def _pieces(nest: ReduceNest) -> int:
    """Into how many equal pieces of whole rows the first dimension is split."""
    size, elements = nest.reduced[0], count(nest.reduced) * count(nest.shape)
    most = min(PIECES, elements // LEAST, size // 2)
    return max((p for p in range(1, most + 1) if size % p == 0), default=1)


def _in_two(nest: ReduceNest, pieces: int) -> list[Nest]:
    own, each = len(nest.shape), nest.reduced[0] // pieces
    shape = (pieces, *nest.shape)
    memory = Memory(count(shape) * nest.dtype.itemsize)
    place = memory, nest.dtype, 0, row_major(shape)
    value = nest.value.moved(lambda offset, s: (offset, (s[own] * each, *s)))
    first = ReduceNest(shape, (each, *nest.reduced[1:]), value, Store(*place, None), nest.combine, None, nest.dtype)  # fmt: skip
    rest = ReduceNest(nest.shape, (pieces,), Load(memory, nest.dtype, 0, (*place[3][1:], place[3][0])), nest.store, nest.combine, nest.initial, nest.dtype)  # fmt: skip
    return [first, rest]
