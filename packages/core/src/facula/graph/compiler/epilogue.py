"""Maps that the product or convolution before them does: to each tile, as soon as its sums are whole and while the caches have it.

A bias, an activation, batch norm's scale and shift, what is added to a layer's result: they read the result, element by
element. In a pass of their own they would fetch it again, and threads might have to meet before. Only maps whose result takes its
place: what is written or kept beside it goes to and fro between memory and caches in a product's order, by lines of
each row, which takes longer than another pass in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from facula.graph.compiler.fuse import count, refined
from facula.graph.compiler.join_equal import redirected
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import CallNest, Load, MapNest, MatmulNest, Nest, Store

Maker = MatmulNest | CallNest


def with_epilogues(nests: Sequence[Nest], outputs: Collection[Memory], updated: Collection[Memory]) -> list[Nest]:  # fmt: skip
    """The nests, with maps in the products and convolutions that can do them.

    `updated`, some of the `outputs`, lie in the place of inputs, which an error must leave as they are.
    """
    writers = {m: i for i, n in enumerate(nests) for m in n.written}  # the last ones
    writes = Counter(m for n in nests for m in n.written)
    readers = Counter(m for n in nests for m in {x.memory for x in n.read})
    makers = dict(_makers(nests))

    def maker_of(nest: MapNest) -> Maker | None:
        """The last that may do a map: all else that this reads is there by then, and nobody else reads what it makes."""
        if len(nest.stores) != 1 or nest.written[0] in updated:
            return None
        for memory in (x.memory for x in reversed(nest.read) if x.memory in makers):
            i, maker = makers[memory]
            is_ready = all(writers.get(x.memory, -1) <= i for x in nest.read)
            is_alone = readers[memory] == 1 == writes[memory] == writes[nest.written[0]] and memory not in outputs  # fmt: skip
            if is_ready and is_alone and maker.then is None and _joined(maker, nest):
                return maker
        return None

    return [n for n in nests if not isinstance(n, MapNest) or maker_of(n) is None]


def _makers(nests: Sequence[Nest]) -> Iterator[tuple[Memory, tuple[int, Maker]]]:
    """What each product or convolution makes, its place, and itself."""
    for i, nest in enumerate(nests):
        if isinstance(nest, (MatmulNest, CallNest)) and nest.result is not None:
            yield nest.result[1].memory, (i, nest)


def _joined(maker: Maker, nest: MapNest) -> bool:
    """Has a product do a map, and write its sums where that stores what it makes of them; False where that cannot be."""
    assert maker.result is not None
    shape, made = maker.result
    split = refined(nest.shape, shape) if count(nest.shape) == count(shape) else None
    if split is None or split[0] != shape:
        return False
    move = split[1]
    (store,) = nest.stores
    own: list[Load | Store] = [store, *(x for x in nest.read if x.memory is made.memory)]
    place = made.offset, made.strides, made.element
    is_alike = all((*move(x.offset, x.strides), x.element) == place for x in own)
    if not is_alike or store.memory.nbytes != made.memory.nbytes:
        return False
    nest.shape = shape
    store.move(move, {})
    instead = {made.memory: store.memory}
    store.value = redirected(store.value, instead)
    maker.redirect(instead)
    maker.then = nest
    return True
