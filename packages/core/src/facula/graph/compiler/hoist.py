"""Small maps moved to the front: the numbers of an optimizer's step, say, which else stand between its large maps, or batch norm's scale and shift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from facula.graph.compiler.fuse import count
from facula.graph.compiler.join_equal import redirect
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load, MapNest, Nest, Store

#: Elements of a vector that is made of inputs alone, up to which it is made before all else.
FEW = 1 << 12


def hoist(nests: Sequence[Nest], updated: Collection[Memory] = ()) -> list[Nest]:
    """The nests with maps of one element as early as what they read and write allows, and small ones of what is there from the start.

    Not vectors that are `updated`, new values of inputs: these are written after all that may fail before them.
    """
    written: dict[Memory, int] = {}
    touched: dict[Memory, int] = {}
    places = []
    for i, nest in enumerate(nests):
        read, writes = [x.memory for x in nest.read], nest.written
        place = i
        if isinstance(nest, MapNest) and count(nest.shape) <= FEW:
            before = [written.get(m, -1) for m in read] + [touched.get(m, -1) for m in writes]
            first = max(before, default=-1)
            is_vector = count(nest.shape) > 1
            if not is_vector or (first < 0 and not any(m in updated for m in writes)):
                place = first
        places.append(place)
        written.update((m, place) for m in writes)
        touched.update((m, max(place, touched.get(m, -1))) for m in (*read, *writes))
    order = sorted(range(len(nests)), key=lambda i: (places[i], places[i] != i))
    return [nests[i] for i in order]


def numbers_last(nests: Sequence[Nest], updated: Collection[Memory]) -> list[Store]:
    """Has `updated` numbers made in other memory, if a nest may fail: an error must find inputs as they were.

    What is given is to be done after all nests, which read the other memory.
    """
    if not any(n.may_fail for n in nests):
        return []
    writes = Counter(m for n in nests for m in n.written)
    made = [
        n.stores[0]
        for n in nests
        if isinstance(n, MapNest) and count(n.shape) == len(n.stores) == 1
        and n.written[0] in updated and writes[n.written[0]] == 1
    ]  # fmt: skip
    late = [(x.memory, Memory(x.memory.nbytes), x.element) for x in made]
    instead = {new: other for new, other, _ in late}
    for nest in nests:
        redirect(nest, instead)
    for store in made:
        store.memory = instead[store.memory]
    return [Store(new, e, 0, (), Load(other, e, 0, ())) for new, other, e in late]
