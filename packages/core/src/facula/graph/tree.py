"""Nested containers taken apart into leaves, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def flatten_tree(value: Any) -> tuple[list[Any], Callable[[Iterator[Any]], Any]]:
    """The leaves of nested tuples, lists and dicts, and a function that puts new ones in their place."""
    if isinstance(value, (tuple, list)):
        parts = [flatten_tree(v) for v in value]
        kind = type(value)

        def rebuild(leaves: Iterator[Any]) -> Any:
            built = [r(leaves) for _, r in parts]
            return kind(*built) if hasattr(kind, "_fields") else kind(built)

        flat = [x for leaves, _ in parts for x in leaves]
        parts = [([], r) for _, r in parts]  # the function must not keep the leaves alive
        return flat, rebuild
    if type(value) is dict:
        keys = list(value)
        leaves, rebuild_values = flatten_tree(list(value.values()))
        return leaves, lambda new: dict(zip(keys, rebuild_values(new)))
    return [value], next
