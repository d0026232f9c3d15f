"""Nests that compute the same, computed once: bodies of ops repeat each other (a loss and its gradient, say)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import (
    Apply,
    Load,
    MapNest,
    MatmulNest,
    Nest,
    Number,
    Pick,
    Position,
    ReduceNest,
    Store,
    Value,
)


def join_equal(nests: Sequence[Nest], outputs: set[Memory]) -> list[Nest]:
    """The nests without those that only make again what is there, or copy it; their readers read the first."""
    writes = Counter(m for n in nests for m in n.written)
    instead: dict[Memory, Memory] = {}
    known: dict[Any, Memory] = {}
    kept = []
    for nest in nests:
        redirect(nest, instead)
        store = _only_store(nest)
        settled = all(writes[x.memory] == (x.memory.role == "temporary") for x in nest.read)
        if store is None or not settled or writes[store.memory] > 1 or store.memory in outputs:
            kept.append(nest)
            continue
        first = _copied(store) or known.setdefault(_key(nest, store), store.memory)
        if first is store.memory:
            kept.append(nest)
        else:
            instead[store.memory] = first
    return kept


def _only_store(nest: Nest) -> Store | None:
    if isinstance(nest, MapNest):
        return nest.stores[0] if len(nest.stores) == 1 else None
    return nest.store if isinstance(nest, (ReduceNest, MatmulNest)) else None


def _copied(store: Store) -> Memory | None:
    """The temporary whose elements, and nothing else, are stored, each in its place."""
    value = store.value
    if isinstance(value, Apply) and value.expression == "a":
        (value,) = value.parts
    if not isinstance(value, Load) or value.memory.role != "temporary":
        return None
    same = all(getattr(value, name) == getattr(store, name) for name in ("element", "offset", "strides"))  # fmt: skip
    return value.memory if same and value.memory.nbytes == store.memory.nbytes else None


def _key(nest: Nest, store: Store) -> Any:
    place = nest.shape, store.element, store.offset, store.strides, store.memory.nbytes
    if isinstance(nest, ReduceNest):
        how = nest.reduced, nest.combine, repr(nest.initial), nest.dtype
        return "reduce", place, how, _value_key(nest.value)
    if isinstance(nest, MatmulNest):
        return "matmul", place, nest.depth, _value_key(nest.a), _value_key(nest.b)
    return "map", place, _value_key(store.value)


def _value_key(value: Value) -> Any:
    if isinstance(value, Load):
        return "load", value.memory, value.element, value.offset, value.strides
    if isinstance(value, Number):
        return "number", repr(value.number), type(value.number), value.element
    if isinstance(value, Position):
        return "position", value.offset, value.strides
    if isinstance(value, Pick):
        place = value.memory, value.element, value.offset, value.strides, value.size, value.step
        return "pick", place, _value_key(value.index)
    assert isinstance(value, Apply)
    own = value.expression, value.dtype, value.names, value.element
    return "apply", own, tuple(map(_value_key, value.parts))


def redirect(nest: Nest, instead: dict[Memory, Memory]) -> None:
    """Has a nest read the memories that stand for those that are not made any more."""
    if not any(x.memory in instead for x in nest.read):
        return
    if isinstance(nest, MapNest):
        for store in nest.stores:
            store.value = redirected(store.value, instead)
    elif isinstance(nest, ReduceNest):
        nest.value = redirected(nest.value, instead)
    else:
        nest.redirect(instead)


def _load(x: Load, instead: dict[Memory, Memory]) -> Load:
    return Load(instead.get(x.memory, x.memory), x.element, x.offset, x.strides)


def redirected(value: Value, instead: dict[Memory, Memory]) -> Value:
    """The value with other memories loaded in place of some."""
    if isinstance(value, Load):
        return _load(value, instead)
    if isinstance(value, Pick):
        memory = instead.get(value.memory, value.memory)
        index = redirected(value.index, instead)
        return Pick(
            memory, value.element, value.offset, value.strides, index, value.size, value.step
        )
    if isinstance(value, Apply):
        parts = tuple(redirected(p, instead) for p in value.parts)
        return Apply(value.expression, value.dtype, value.names, parts, value.element)
    return value
