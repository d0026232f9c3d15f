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
#: Elements from which on sums of columns are shared out by rows: fewer lie in the caches, and two steps are a barrier more.
LARGE = 1 << 18


def split_sums(nests: Sequence[Nest]) -> list[Nest]:
    """The nests, with reductions that only one thread could do in two."""
    return [part for nest in nests for part in _split(nest)]


def _split(nest: Nest) -> list[Nest]:
    if not isinstance(nest, ReduceNest) or (count(nest.shape) >= MANY and not _is_of_columns(nest)):
        return [nest]
    if accumulator(nest.dtype) is not nest.dtype:  # pieces would be rounded
        return [nest]
    pieces = _pieces(nest)
    return [nest] if pieces < 2 else in_two(nest, 0, pieces)


def _is_of_columns(nest: ReduceNest) -> bool:
    """Whether rows, of all results each, lie one after the other in what is read."""
    row = count(nest.shape)
    if row * count(nest.reduced) < LARGE:
        return False
    return len(nest.shape) == len(nest.reduced) == 1 and any(
        x.strides == (1, row) for x in nest.value.loads()
    )


def _pieces(nest: ReduceNest) -> int:
    """Into how many equal pieces of whole rows the first dimension is split."""
    size, elements = nest.reduced[0], count(nest.reduced) * count(nest.shape)
    most = min(PIECES, elements // LEAST, size // 2)
    return max((p for p in range(1, most + 1) if size % p == 0), default=1)


def in_two(nest: ReduceNest, d: int, pieces: int) -> list[Nest]:
    """A reduction of as many equal pieces of its dimension `d`, kept as they are accumulated, and one of what these give."""
    own, each = len(nest.shape), nest.reduced[d] // pieces
    shape, e = (pieces, *nest.shape), accumulator(nest.dtype)
    memory = Memory(count(shape) * e.itemsize)
    apart, *strides = row_major(shape)
    value = nest.value.moved(lambda offset, s: (offset, (s[own + d] * each, *s)))
    reduced = (*nest.reduced[:d], each, *nest.reduced[d + 1 :])
    store = Store(memory, e, 0, (apart, *strides), None)
    first = ReduceNest(shape, reduced, value, store, nest.combine, None, e)
    found = Load(memory, e, 0, (*strides, apart))
    rest = ReduceNest(nest.shape, (pieces,), found, nest.store, nest.combine, nest.initial, nest.dtype)  # fmt: skip
    return [first, rest]
