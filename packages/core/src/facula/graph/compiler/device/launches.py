"""Which nests become one kernel, and in what order kernels and calls run; long reductions in two steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from facula.graph.compiler.fuse import count, size_of
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load, MapNest, Nest, ReduceNest
from facula.graph.compiler.split_sums import in_two

#: Memories that one kernel may touch: devices promise room for 1,024 bytes of arguments, two words each.
MOST_MEMORIES = 40
#: Parts of values in one kernel, above which compilers take long.
MOST_PARTS = 600
#: Elements of a row from which on it is worth a second launch to have several do it, and fewer than these rows.
LONG_ROW, FEW_ROWS = 16384, {"cpu": 8, "gpu": 128}
#: Parts that a long row is done in at most.
MOST_PIECES = {"cpu": 32, "gpu": 256}


class Step(NamedTuple):
    """What is launched at once: nests that need nothing of each other, or one call."""

    nests: tuple[Nest, ...]

    @property
    def written(self) -> list[Memory]:
        return [m for n in self.nests for m in n.written]

    @property
    def read(self) -> list[Load]:
        return [x for n in self.nests for x in n.read]


def steps_of(nests: Sequence[Nest], in_place: dict[Memory, Memory]) -> list[Step]:
    """The nests in an order in which each comes after all that it needs, as few launches as that allows.

    A nest joins the first launch after what it needs; calls stay alone. `in_place` says which memories are others'.
    """
    needs = _needs(nests, in_place)
    done: set[int] = set()
    steps = []
    for i, nest in enumerate(nests):
        if i in done:
            continue
        together = [i]
        if _is_printed(nest):
            ready = frozenset(done)
            room = _Room(nest)
            for k in range(i + 1, len(nests)):
                if k not in done and needs[k] <= ready and _is_printed(nests[k]) and room.takes(nests[k]):  # fmt: skip
                    together.append(k)
        done.update(together)
        steps.append(Step(tuple(nests[k] for k in together)))
    return steps


def _is_printed(nest: Nest) -> bool:
    return isinstance(nest, (MapNest, ReduceNest))


class _Room:
    """What one kernel still has room for."""

    def __init__(self, nest: Nest):
        self.memories, self.parts = _memories(nest), _parts(nest)

    def takes(self, nest: Nest) -> bool:
        """Whether a nest fits in, and if so puts it in."""
        memories, parts = self.memories | _memories(nest), self.parts + _parts(nest)
        if len(memories) > MOST_MEMORIES or parts > MOST_PARTS:
            return False
        self.memories, self.parts = memories, parts
        return True


def _memories(nest: Nest) -> set[Memory]:
    return {*nest.written, *(x.memory for x in nest.read)}


def _parts(nest: Nest) -> int:
    if isinstance(nest, MapNest):
        return sum(size_of(s.value) for s in nest.stores)
    return 4 * size_of(nest.value) if isinstance(nest, ReduceNest) else 0


def _needs(nests: Sequence[Nest], in_place: dict[Memory, Memory]) -> list[set[int]]:
    """Per nest the earlier ones that must have run: those that write what it touches, or read what it writes."""
    writers: dict[Memory, list[int]] = {}
    readers: dict[Memory, list[int]] = {}
    needs: list[set[int]] = []
    for i, nest in enumerate(nests):
        reads = {in_place.get(x.memory, x.memory) for x in nest.read}
        writes = {in_place.get(m, m) for m in nest.written}
        found = {k for m in reads | writes for k in writers.get(m, ())}
        found |= {k for m in writes for k in readers.get(m, ())}
        for m in writes:
            writers.setdefault(m, []).append(i)
        for m in reads:
            readers.setdefault(m, []).append(i)
        needs.append(found - {i})
    return needs


def split_long(nests: Sequence[Nest], family: str) -> list[Nest]:
    """The nests with long reductions of few results as one of pieces and one of what these give."""
    found: list[Nest] = []
    for nest in nests:
        found += _split(nest, family) if isinstance(nest, ReduceNest) else [nest]
    return found


def _split(nest: ReduceNest, family: str) -> list[Nest]:
    whole = count(nest.reduced)
    pieces = min(MOST_PIECES[family], whole // (LONG_ROW // 8))
    if whole < LONG_ROW or count(nest.shape) >= FEW_ROWS[family]:
        return [nest]
    d = max(range(len(nest.reduced)), key=lambda d: nest.reduced[d])
    n = nest.reduced[d]
    parts = next(p for p in range(min(pieces, n), 0, -1) if n % p == 0)
    return [nest] if parts < 4 else in_two(nest, d, parts)
