"""Nested containers taken apart into leaves, and put together again."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from facula.graph.keys import is_record


def flatten_tree(value: Any) -> tuple[list[Any], Callable[[Iterator[Any]], Any]]:
    """The leaves of nested tuples, lists, dicts and dataclasses, and a function that puts new ones in their place."""
    if isinstance(value, (tuple, list)):
        parts = [flatten_tree(v) for v in value]
        kind = type(value)

        def rebuild(leaves: Iterator[Any]) -> Any:
            built = [r(leaves) for _, r in parts]
            return kind(*built) if hasattr(kind, "_fields") else kind(built)

        flat = [x for leaves, _ in parts for x in leaves]
        parts = [([], r) for _, r in parts]  # the function must not keep the leaves alive
        return flat, rebuild
    if isinstance(value, dict):
        keys = list(value)
        leaves, rebuild_values = flatten_tree(list(value.values()))
        empty = copy.copy(value)
        empty.clear()
        return leaves, lambda new: _filled(empty, keys, rebuild_values(new))
    if is_record(value):
        names = [f.name for f in dataclasses.fields(value)]
        leaves, rebuild_values = flatten_tree([getattr(value, n) for n in names])
        record = type(value)
        return leaves, lambda new: _record(record, names, rebuild_values(new))
    return [value], next


def _filled(empty: Any, keys: list[Any], values: list[Any]) -> Any:
    made = copy.copy(empty)
    for key, value in zip(keys, values):
        made[key] = value
    return made


def _record(kind: type, names: list[str], values: list[Any]) -> Any:
    made: Any = object.__new__(kind)
    for name, value in zip(names, values):
        object.__setattr__(made, name, value)  # also where the dataclass is frozen
    return made
