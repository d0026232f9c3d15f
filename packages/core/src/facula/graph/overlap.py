"""Which tensors are over the same memory: parts of one tensor, or arrays of the user's that overlap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations, pairwise
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from facula._tensor import Tensor

#: Steps that the exact test of two arrays may take; above, they are taken to overlap.
_MOST_WORK: Any = 10_000

T = TypeVar("T")


class Span(NamedTuple):
    """From which byte of some `memory` to which an array lies; between them may be bytes that are not its own."""

    memory: Any
    first: int
    end: int
    start: int  # of the element at index 0, where a stride is negative not the first one
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in bytes
    size: int  # of an element

    def overlaps(self, other: Span) -> bool:
        """Whether the two have an element in common."""
        if self.memory != other.memory or self.end <= other.first or other.end <= self.first:
            return False
        zero = min(self.first, other.first) - 1  # NumPy takes 0 for no address
        return _have_common(self.start - zero, self[4:], other.start - zero, other[4:])


@lru_cache(maxsize=4096)
def _have_common(
    start: int, form: tuple[Any, ...], other: int, other_form: tuple[Any, ...]
) -> bool:
    """By how arrays lie to each other, wherever that is: the same for any two neighbours of columns."""
    try:
        return np.shares_memory(_Place(start, *form), _Place(other, *other_form), max_work=_MOST_WORK)  # fmt: skip
    except np.exceptions.TooHardError:
        return True


def span_of(array: Any, backend: Any, cell: Any) -> Span:
    """Where an array lies. `cell`, which counts the writes to its tensor, stands for memory of which no more is known."""
    memory, start = _start(array)
    if start is None:
        return Span(("cell", id(array if cell is None else cell)), 1, 2, 1, (1,), (1,), 1)
    size = array.dtype.itemsize
    strides = tuple([s * size for s in backend.strides(array)])
    shape = tuple(array.shape)
    first, end = start, start + size
    for n, stride in zip(shape, strides):
        if stride < 0:
            first += (n - 1) * stride
        else:
            end += (n - 1) * stride
    return Span(memory, first, first if 0 in shape else end, start, shape, strides, size)


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

    def __init__(self, start: int, shape: tuple[int, ...], strides: tuple[int, ...], size: int):
        self.__array_interface__ = {
            "version": 3, "data": (start, True), "shape": shape, "strides": strides, "typestr": f"|V{size}",
        }  # fmt: skip


class Ranges(Generic[T]):
    """Ranges of bytes that are apart, with the arrays that lie in each, so that only those of one range need be compared."""

    def __init__(self) -> None:
        #: By memory, in order: where ranges begin, where they end, and what is in them.
        self._of: dict[Any, tuple[list[int], list[int], list[list[tuple[Span, T]]]]] = {}

    def __iter__(self) -> Iterator[list[tuple[Span, T]]]:
        return chain.from_iterable(groups for *_, groups in self._of.values())

    def add(self, span: Span, item: T) -> list[T]:
        """Takes in an array; returns the items of those before that have an element in common with it."""
        group = self.join(span)
        found = [known for other, known in group if other.overlaps(span)]
        group.append((span, item))
        return found

    def join(self, span: Span) -> list[tuple[Span, T]]:
        """What is in the range of a span, which becomes one with all that it meets."""
        if span.first == span.end:  # without elements
            return []
        firsts, ends, groups = self._of.setdefault(span.memory, ([], [], []))
        low, high = bisect_right(ends, span.first), bisect_left(firsts, span.end)
        met = slice(low, high)
        firsts[met] = [min([span.first, *firsts[met]])]
        ends[met] = [max([span.end, *ends[met]])]
        group = groups[low] if low < high else []
        for other in groups[low + 1 : high]:
            group.extend(other)
        groups[met] = [group]
        return group


def overlapping(tensors: Sequence[Tensor]) -> tuple[tuple[int, int], ...]:
    """The pairs of tensors that have memory in common, by their numbers."""
    arrays = [t._array for t in tensors]
    if len(tensors) < 2 or _own_theirs(arrays) or _are_apart(arrays):
        return ()
    ranges: Ranges[int] = Ranges()
    for i, t in enumerate(tensors):
        span = span_of(t._array, t._backend, t._cell)
        ranges.join(span).append((span, i))
    return tuple(sorted(chain.from_iterable(map(_pairs, ranges))))


def _own_theirs(arrays: list[Any]) -> bool:
    """Whether each is over an array of its own that was allocated for it: the usual case, found out in least time."""
    owners = set()
    for array in arrays:
        owner = getattr(array, "base", None)
        owner = array if owner is None else owner
        if owner.__class__ is not np.ndarray or not owner.flags.owndata or id(owner) in owners:
            return False
        owners.add(id(owner))
    return True


def _are_apart(arrays: list[Any]) -> bool:
    """Whether these are arrays of the host without gaps that do not meet, found out by their addresses alone."""
    places = []
    for array in arrays:
        if array.__class__ is not np.ndarray or not array.flags.c_contiguous:
            return False
        first = array.__array_interface__["data"][0]
        places.append((first, first + array.nbytes))
    places.sort()
    return all(a[1] <= b[0] for a, b in pairwise(places))


def _pairs(group: list[tuple[Span, int]]) -> Iterable[tuple[int, int]]:
    """The pairs of one range with an element in common, by the numbers of their tensors."""
    if len(group) == 1:
        return ()
    spans, numbers = zip(*sorted(group, key=itemgetter(1)))
    zero = min([s.first for s in spans])
    moved = [Span(None, s[1] - zero, s[2] - zero, s[3] - zero, *s[4:]) for s in spans]
    return [(numbers[i], numbers[j]) for i, j in _pairs_at(tuple(moved))]


@lru_cache(maxsize=256)
def _pairs_at(spans: tuple[Span, ...]) -> tuple[tuple[int, int], ...]:
    """Found out once for arrays that lie so to each other, as a compiled function asks at each call."""
    pairs = combinations(range(len(spans)), 2)
    return tuple([(i, j) for i, j in pairs if spans[i].overlaps(spans[j])])
