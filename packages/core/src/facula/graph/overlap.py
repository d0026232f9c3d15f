"""Which tensors are over the same memory: parts of one tensor, or arrays of the user's that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from facula._tensor import Tensor

#: Steps that the exact test of two arrays may take; above, they are taken to overlap.
_MOST_WORK: Any = 10_000


class Span(NamedTuple):
    """From which byte of some `memory` to which an array lies; between them may be bytes that are not its own."""

    memory: Any
    first: int
    end: int
    array: Any

    def overlaps(self, other: Span) -> bool:
        """Whether the two have an element in common."""
        if self.memory != other.memory or self.end <= other.first or other.end <= self.first:
            return False
        try:
            return np.shares_memory(self.array, other.array, max_work=_MOST_WORK)
        except np.exceptions.TooHardError:
            return True


def span_of(array: Any, backend: Any, cell: Any) -> Span:
    """Where an array lies. `cell`, which counts the writes to its tensor, stands for memory of which no more is known."""
    memory, start = _start(array)
    if start is None:
        place = _Place(1, (1,), (1,), "|V1")
        return Span(("cell", id(array if cell is None else cell)), 1, 2, place)
    size = array.dtype.itemsize
    strides = tuple([s * size for s in backend.strides(array)])
    reach = [(n - 1) * s for n, s in zip(array.shape, strides)]
    first = start + sum([r for r in reach if r < 0])
    end = start + size + sum([r for r in reach if r > 0])
    if 0 in array.shape:
        end = first
    return Span(memory, first, end, _Place(start, tuple(array.shape), strides, f"|V{size}"))


def _start(array: Any) -> tuple[Any, int | None]:
    """Which memory, and the byte in it of the first element."""
    if isinstance(array, np.ndarray):
        return "host", array.__array_interface__["data"][0]
    if hasattr(array, "buffer"):
        return id(array.buffer), (1 + array.offset) * array.dtype.itemsize  # 0 would be no address
    pointer = getattr(getattr(array, "data", None), "ptr", None)
    return "device", pointer


class _Place:
    """An array for NumPy's exact test, that is never read."""

    __slots__ = ("__array_interface__",)

    def __init__(self, start: int, shape: Any, strides: Any, kind: str):
        self.__array_interface__ = {
            "version": 3, "data": (start, True), "shape": shape, "strides": strides, "typestr": kind,
        }  # fmt: skip


def overlapping(tensors: Sequence[Tensor]) -> tuple[tuple[int, int], ...]:
    """The pairs of tensors that have memory in common, by their numbers."""
    if len(tensors) < 2 or _are_apart([t._array for t in tensors]):
        return ()
    spans = [span_of(t._array, t._backend, t._cell) for t in tensors]
    return tuple(sorted(_pairs(spans)))


def _are_apart(arrays: list[Any]) -> bool:
    """Whether these are arrays of the host without gaps that do not meet: the usual case, found out in little time."""
    places = []
    for array in arrays:
        if array.__class__ is not np.ndarray or not array.flags.c_contiguous:
            return False
        first = array.__array_interface__["data"][0]
        places.append((first, first + array.nbytes))
    places.sort()
    return all(a[1] <= b[0] for a, b in pairwise(places))


def _pairs(spans: list[Span]) -> Iterator[tuple[int, int]]:
    """By first bytes, so that each is compared with those alone that do not end before it begins."""
    order = sorted(range(len(spans)), key=lambda i: (str(spans[i].memory), spans[i].first))
    near: list[int] = []
    for i in order:
        span = spans[i]
        near = [j for j in near if spans[j].memory == span.memory and spans[j].end > span.first]
        yield from ((min(i, j), max(i, j)) for j in near if span.overlaps(spans[j]))
        near.append(i)
