"""Products of few rows by a weight that the program updates, as one product for each thread of its part of the sum.

A layer's input gets its gradient from all of the weight, so by columns each thread would read what another one
updates: lines go to and fro between the cores' caches, which takes longer than such a product and the update. Along the sum,
a thread reads the part that it updates; what is exchanged are sums as large as the result.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from facula.graph.codegen.elements import Element
from facula.graph.compiler.fuse import count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Apply, Load, MapNest, MatmulNest, Nest, Store, Value
from facula.ops.dims import row_major

#: Elements of a weight, up to which lines that go between cores cost less than another map.
LITTLE = 1 << 14


def split_depth(nests: Sequence[Nest], updated: Collection[Memory], threads: int) -> list[Nest]:
    """The nests, with such products in two steps: sums of a thread each, then these added."""
    return [part for nest in nests for part in _split(nest, updated, threads)]


def _split(nest: Nest, updated: Collection[Memory], threads: int) -> list[Nest]:
    if (
        threads == 1
        or not isinstance(nest, MatmulNest)
        or not _is_few_by_weight(nest, updated, threads)
    ):
        return [nest]
    shape, each, e = (threads, *nest.shape), nest.depth // threads, nest.store.element
    parts = Memory(count(shape) * e.itemsize)
    a, b = nest.a, nest.b
    first = MatmulNest(
        shape,
        each,
        Load(a.memory, a.element, a.offset, (each * a.strides[-1], *a.strides)),
        Load(b.memory, b.element, b.offset, (each * b.strides[-2], *b.strides)),
        Store(parts, e, 0, row_major(shape), None),
        by_thread=True,
    )
    nest.store.value = _sum(parts, e, shape)
    return [first, MapNest(nest.shape, [nest.store])]


def _is_few_by_weight(nest: MatmulNest, updated: Collection[Memory], threads: int) -> bool:
    """Whether a weight lies in lines along the sum's terms, whose number is that of many rows and a multiple of the threads'."""
    if (
        len(nest.shape) > 2
        or nest.b.memory not in updated
        or nest.b.element is not nest.store.element
    ):
        return False
    m, n = nest.shape
    (terms, columns), depth = nest.b.strides, nest.depth
    is_large = depth * n > LITTLE and depth >= 2 * threads * m
    return is_large and terms > columns and depth % threads == 0


def _sum(parts: Memory, e: Element, shape: tuple[int, ...]) -> Value:
    apart, *strides = row_major(shape)
    value: Value = Load(parts, e, 0, tuple(strides))
    for i in range(1, shape[0]):
        value = Apply("a + b", e, ("a", "b"), (value, Load(parts, e, i * apart, tuple(strides))), e)
    return value
