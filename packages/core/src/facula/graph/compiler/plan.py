"""Where memories lie: updated inputs take their new values in place, temporaries share one arena."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Apply, Load, MapNest, Nest, Store

#: Temporaries begin at multiples of this many bytes: a cache line.
ALIGNMENT = 64
#: Bytes up to which a temporary counts as small: where it lies decides about barriers, not about the size of the arena.
LITTLE = 1 << 18


def update_in_place(nests: list[Nest], updates: Sequence[tuple[Memory, Memory]]) -> dict[Memory, Memory]:  # fmt: skip
    """{new value: input}: the updated inputs that may be written while the program runs.

    One map must make the new value, element for element, and nothing may read the old one after it; or it is a copy of the
    old one of which parts are overwritten (a cache that grows by a row): then the copy is left out.
    """
    found: dict[Memory, Memory] = {}
    readers = _by_memory([{x.memory for x in n.read} for n in nests])
    writers = _by_memory([set(n.written) for n in nests])
    emptied: set[Nest] = set()
    for old, new in updates:
        makers = writers[new]
        if not makers or new in found or old in found.values() or old.nbytes != new.nbytes:
            continue
        maker = nests[makers[0]]
        if readers[old][-1:] > makers[:1] or writers[old] or not _fits(maker, old, new):
            continue
        assert isinstance(maker, MapNest)
        (store,) = [s for s in maker.stores if s.memory is new]
        if len(makers) > 1:
            if not _is_copy(store, old):
                continue
            maker.stores.remove(store)
            if not maker.stores:
                emptied.add(maker)
        found[new] = old
    nests[:] = [n for n in nests if n not in emptied]
    return found


def _by_memory(memories: Sequence[set[Memory]]) -> defaultdict[Memory, list[int]]:
    """For each memory the places where it is found, in order."""
    found: defaultdict[Memory, list[int]] = defaultdict(list)
    for i, there in enumerate(memories):
        for memory in there:
            found[memory].append(i)
    return found


def _fits(maker: Nest, old: Memory, new: Memory) -> bool:
    """Whether `maker` is a map that reads of the old value only the element that it replaces."""
    stores = [s for s in maker.stores if s.memory is new] if isinstance(maker, MapNest) else []
    if len(stores) != 1 or maker.may_fail:  # an error must find the old value as it was
        return False
    (store,) = stores
    place = store.offset, store.strides, store.element
    return all((x.offset, x.strides, x.element) == place for x in maker.read if x.memory is old)


def _is_copy(store: Store, old: Memory) -> bool:
    value = store.value
    if isinstance(value, Apply) and value.expression == "a":
        (value,) = value.parts
    return isinstance(value, Load) and value.memory is old and value.element is store.element


def arena(nests: Sequence[Nest], kept: set[Memory], waits: Sequence[bool] = ()) -> tuple[dict[Memory, int], int]:  # fmt: skip
    """Offsets of the temporaries in one piece of memory, and its size; those that live at different times overlap.

    `waits` says before which nests threads wait for each other anyway: only across these do small temporaries share
    memory, so that none must wait until others have read what it overwrites.
    """
    phases = list(accumulate(waits or [True] * len(nests)))
    lives = _lives(nests, kept)
    root: dict[Memory, Memory] = {}  # of those that are written over another
    for i, nest in enumerate(nests):
        for old, new in _overwritten(nest, i, lives):
            root[new] = root.get(old, old)
    times: dict[Memory, tuple[int, int]] = {}
    for memory, (first, last) in lives.items():
        if memory.nbytes <= LITTLE:
            first, last = bisect_left(phases, phases[first]), bisect_right(phases, phases[last]) - 1
        of = root.get(memory, memory)
        begin, end = times.get(of, (first, last))
        times[of] = min(begin, first), max(end, last)
    offsets, size = _packed(times)
    return {m: offsets[root.get(m, m)] for m in lives}, size


def _packed(times: dict[Memory, tuple[int, int]]) -> tuple[dict[Memory, int], int]:
    """Places for memories that are there from a first to a last time, and the size of all."""
    offsets: dict[Memory, int] = {}
    size = 0
    for memory in sorted(times, key=lambda m: -m.nbytes):
        first, last = times[memory]
        taken = sorted(
            (at, at + _rounded(other.nbytes))
            for other, at in offsets.items()
            if times[other][0] <= last and first <= times[other][1]
        )
        at = 0
        for low, high in taken:
            if low - at >= _rounded(memory.nbytes):
                break
            at = max(at, high)
        offsets[memory] = at
        size = max(size, at + _rounded(memory.nbytes))
    return offsets, size


def _lives(nests: Sequence[Nest], kept: set[Memory]) -> dict[Memory, tuple[int, int]]:
    """The first and the last nest that touch each temporary."""
    found: dict[Memory, tuple[int, int]] = {}
    for i, nest in enumerate(nests):
        for memory in (*nest.written, *(x.memory for x in nest.read)):
            if memory.role == "temporary" and memory not in kept:
                found[memory] = found.get(memory, (i, i))[0], i
    return found


def _overwritten(nest: Nest, at: int, lives: dict[Memory, tuple[int, int]]) -> list[tuple[Memory, Memory]]:  # fmt: skip
    """[(old, new)]: temporaries that a map reads as the last, element by element, and results that lie in the same order."""
    if not isinstance(nest, MapNest):
        return []
    found: list[tuple[Memory, Memory]] = []
    reads = nest.read
    for store in nest.stores:
        place = store.offset, store.strides, store.element
        if lives.get(store.memory, (-1, 0))[0] != at or store.memory in dict(found).values():
            continue
        # what was made last comes first: others may still be read by other threads
        for old in sorted(
            dict.fromkeys(x.memory for x in reads if x.memory in lives), key=lambda m: -lives[m][0]
        ):
            all_alike = all((x.offset, x.strides, x.element) == place for x in reads if x.memory is old)  # fmt: skip
            ends = lives[old][0] < at == lives[old][1]
            if ends and all_alike and old.nbytes == store.memory.nbytes and old not in dict(found):
                found.append((old, store.memory))
                break
    return found


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
