"""Where memories lie: updated inputs take their new values in place, temporaries share one arena."""

from __future__ import annotations

from collections.abc import Sequence

from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Apply, Load, MapNest, Nest, Store

#: Temporaries begin at multiples of this many bytes: a cache line.
ALIGNMENT = 64


def update_in_place(nests: list[Nest], updates: Sequence[tuple[Memory, Memory]]) -> dict[Memory, Memory]:  # fmt: skip
    """{new value: input}: the updated inputs that may be written while the program runs.

    One map must make the new value, element for element, and nothing may read the old one after it; or it is a copy of the
    old one of which parts are overwritten (a cache that grows by a row): then the copy is left out.
    """
    found: dict[Memory, Memory] = {}
    for old, new in updates:
        makers = [i for i, n in enumerate(nests) if new in n.written]
        if not makers or new in found or old in found.values() or old.nbytes != new.nbytes:
            continue
        maker = nests[makers[0]]
        if not isinstance(maker, MapNest) or not _fits(nests, makers[0], maker, old, new):
            continue
        (store,) = [s for s in maker.stores if s.memory is new]
        if len(makers) > 1:
            if not _is_copy(store, old):
                continue
            maker.stores.remove(store)
            if not maker.stores:
                nests.remove(maker)
        found[new] = old
    return found


def _fits(nests: Sequence[Nest], at: int, maker: MapNest, old: Memory, new: Memory) -> bool:
    """Whether `maker` reads of the old value only the element that it replaces, and nobody reads it later."""
    stores = [s for s in maker.stores if s.memory is new]
    later = any(x.memory is old for n in nests[at + 1 :] for x in n.read)
    if len(stores) != 1 or later or any(old in n.written for n in nests):
        return False
    (store,) = stores
    place = store.offset, store.strides, store.element
    return all((x.offset, x.strides, x.element) == place for x in maker.read if x.memory is old)


def _is_copy(store: Store, old: Memory) -> bool:
    value = store.value
    if isinstance(value, Apply) and value.expression == "a":
        (value,) = value.parts
    return isinstance(value, Load) and value.memory is old and value.element is store.element


def arena(nests: Sequence[Nest], kept: set[Memory]) -> tuple[dict[Memory, int], int]:
    """Offsets of the temporaries in one piece of memory, and its size; those that live at different times overlap."""
    first: dict[Memory, int] = {}
    last: dict[Memory, int] = {}
    for i, nest in enumerate(nests):
        for memory in (*nest.written, *(x.memory for x in nest.read)):
            if memory.role == "temporary" and memory not in kept:
                first.setdefault(memory, i)
                last[memory] = i
    offsets: dict[Memory, int] = {}
    placed: list[Memory] = []
    size = 0
    for memory in sorted(first, key=lambda m: -m.nbytes):
        taken = sorted(
            (offsets[o], offsets[o] + _rounded(o.nbytes))
            for o in placed
            if first[o] <= last[memory] and first[memory] <= last[o]
        )
        at = 0
        for low, high in taken:
            if low - at >= _rounded(memory.nbytes):
                break
            at = max(at, high)
        offsets[memory] = at
        placed.append(memory)
        size = max(size, at + _rounded(memory.nbytes))
    return offsets, size


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
