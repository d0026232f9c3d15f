"""Indexing."""

from __future__ import annotations

from typing import Any


def basic(xp: Any, x: Any, index: Any) -> Any:
    """`x[index]` for ints and slices, through view ops."""
    index = index if isinstance(index, tuple) else (index,)
    dim = 0
    for i in index:
        if isinstance(i, int):
            x = xp.select(x, dim, i % x.shape[dim])
        else:
            start, stop, step = i.indices(x.shape[dim])
            x = xp.slice(x, dim, start, max(start, stop), step)
            dim += 1
    return x
