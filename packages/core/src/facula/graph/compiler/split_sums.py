"""Reductions of very many elements to few, in two steps, so that all threads take part: pieces first, then these."""

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
    if not isinstance(nest, ReduceNest) or count(nest.shape) >= MANY:
        return [nest]
    if accumulator(nest.dtype) is not nest.dtype:  # pieces would be rounded
        return [nest]
    pieces = _pieces(nest.reduced)
    return [nest] if pieces < 2 else _in_two(nest, pieces)


def _pieces(reduced: Sequence[int]) -> int:
    """Into how many equal pieces of whole rows the first dimension is split."""
    most = min(PIECES, count(reduced) // LEAST)
    return max((p for p in range(1, most + 1) if reduced[0] % p == 0), default=1)


def _in_two(nest: ReduceNest, pieces: int) -> list[Nest]:
    own, each = len(nest.shape), nest.reduced[0] // pieces
    shape = (*nest.shape, pieces)
    memory = Memory(count(shape) * nest.dtype.itemsize)
    place = memory, nest.dtype, 0, row_major(shape)
    value = nest.value.moved(lambda offset, s: (offset, (*s[:own], s[own] * each, *s[own:])))
    first = ReduceNest(shape, (each, *nest.reduced[1:]), value, Store(*place, None), nest.combine, None, nest.dtype)  # fmt: skip
    rest = ReduceNest(nest.shape, (pieces,), Load(*place), nest.store, nest.combine, nest.initial, nest.dtype)  # fmt: skip
    return [first, rest]
