"""Small maps moved to the front: the numbers of an optimizer's step, say, which else stand between its large maps, or batch norm's scale and shift."""

from __future__ import annotations

from collections.abc import Sequence

from facula.graph.compiler.fuse import count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import MapNest, Nest

#: Elements of a vector that is made of inputs alone, up to which it is made before all else.
FEW = 1 << 12


def hoist(nests: Sequence[Nest]) -> list[Nest]:
    """The nests with maps of one element as early as what they read and write allows, and small ones of what is there from the start."""
    written: dict[Memory, int] = {}
    touched: dict[Memory, int] = {}
    places = []
    for i, nest in enumerate(nests):
        read, writes = [x.memory for x in nest.read], nest.written
        place = i
        if isinstance(nest, MapNest) and count(nest.shape) <= FEW:
            before = [written.get(m, -1) for m in read] + [touched.get(m, -1) for m in writes]
            first = max(before, default=-1)
            place = first if first < 0 or count(nest.shape) == 1 else i
        places.append(place)
        written.update((m, place) for m in writes)
        touched.update((m, max(place, touched.get(m, -1))) for m in (*read, *writes))
    order = sorted(range(len(nests)), key=lambda i: (places[i], places[i] != i))
    return [nests[i] for i in order]
