"""Nests in as few dimensions as the strides of all that they touch allow."""

from __future__ import annotations

from collections.abc import Sequence

from facula.graph.compiler.nests import (
    Known,
    Load,
    MapNest,
    MatmulNest,
    Move,
    Nest,
    Pick,
    Position,
    ReduceNest,
    Value,
)

#: Elements of a row, fewer than which are not worth a loop of their own.
LONG = 64


def collapse(nests: Sequence[Nest]) -> list[Nest]:
    """The same nests with neighbouring dimensions joined where every access steps through both alike.

    Maps from a product to another stay matrices, as these may be shared out by columns.
    """
    products = [n for n in nests if isinstance(n, MatmulNest)]
    made, read = {m for n in products for m in n.written}, {x.memory for n in products for x in n.read}  # fmt: skip
    for nest in nests:
        if isinstance(nest, MapNest):
            is_between = not read.isdisjoint(nest.written) and any(x.memory in made for x in nest.read)  # fmt: skip
            _map(nest, is_between and bool(nest.shape) and nest.shape[-1] >= LONG)
        elif isinstance(nest, ReduceNest):
            _reduce(nest)
    return list(nests)


def _map(nest: MapNest, is_matrix: bool) -> None:
    strides = [p.strides for s in nest.stores for p in (s, *_places(s.value))]
    groups = _groups(nest.shape, strides)
    if is_matrix and len(groups[-1]) > 1:
        groups.append([groups[-1].pop()])
    nest.shape = _sizes(nest.shape, groups)
    known: Known = {}
    for store in nest.stores:
        store.move(_onto(groups), known)


def _reduce(nest: ReduceNest) -> None:
    kept = len(nest.shape)
    inner = [p.strides for p in _places(nest.value)]
    outer_groups = _groups(nest.shape, [nest.store.strides, *(s[:kept] for s in inner)])
    inner_groups = _groups(nest.reduced, [s[kept:] for s in inner])
    nest.value = nest.value.moved(
        _onto(outer_groups + [[d + kept for d in g] for g in inner_groups])
    )
    nest.store.move(_onto(outer_groups), {})
    nest.shape = _sizes(nest.shape, outer_groups)
    nest.reduced = _sizes(nest.reduced, inner_groups)
    if not nest.reduced:  # a loop there must be
        nest.reduced = (1,)
        nest.value = nest.value.moved(lambda offset, strides: (offset, (*strides, 0)))


def _onto(groups: list[list[int]]) -> Move:
    return lambda offset, strides: (offset, tuple(strides[g[-1]] for g in groups))


def _places(value: Value) -> list[Load | Pick | Position]:
    """All parts that have strides."""
    found = [value] if isinstance(value, (Load, Pick, Position)) else []
    return found + [x for p in value.below for x in _places(p)]


def _groups(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[list[int]]:
    """Which dimensions become one; those of size 1 vanish."""
    groups: list[list[int]] = []
    for d, n in enumerate(shape):
        if n == 1:
            continue
        if groups and all(s[groups[-1][-1]] == n * s[d] for s in strides):
            groups[-1].append(d)
        else:
            groups.append([d])
    return groups


def _sizes(shape: Sequence[int], groups: list[list[int]]) -> tuple[int, ...]:
    sizes = []
    for group in groups:
        n = 1
        for d in group:
            n *= shape[d]
        sizes.append(n)
    return tuple(sizes)
