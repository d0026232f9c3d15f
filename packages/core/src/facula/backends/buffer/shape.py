"""Joining."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import copy_into


def join(xp: Any, tensors: Any, dim: int) -> BufferArray:
    first = tensors[0]
    total = sum(t.shape[dim] for t in tensors)
    out = xp.empty((*first.shape[:dim], total, *first.shape[dim + 1 :]), first.dtype)
    start = 0
    for t in tensors:
        copy_into(xp, xp.slice(out, dim, start, start + t.shape[dim], 1), t)
        start += t.shape[dim]
    return out  # type: ignore[no-any-return]


LEAVES = {"join": join}
