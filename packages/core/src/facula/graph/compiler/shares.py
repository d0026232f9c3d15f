"""How a dimension is cut into a part for each thread: equally, or as fast as each thread has shown to be.

Cores are often unequal, as what a neighbour leaves of one changes from minute to minute. Parts that may change are whole
grains; all such parts of a program change together (runtime/shares.c), so that a thread goes on with what it made itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

#: Grains that a dimension is cut into where its parts may change: one is a thirtieth of a part of two.
GRAINS = 64


class Share(NamedTuple):
    """Dimension `dim` of a nest, in parts that begin and end at `bounds`.

    With a `grain`, which is a number of elements, bounds change between runs: `bounds` is how they begin.
    They move by whole grains from there, so sizes need not be a multiple of a grain.
    """

    dim: int
    bounds: tuple[int, ...]
    grain: int = 0

    def at(self, places: Sequence[int]) -> tuple[int, ...]:
        """The bounds when parts meet at `places`, in grains."""
        return tuple(p * self.grain + more for p, more in zip(places, self.offsets()))

    def offsets(self) -> list[int]:
        """What bounds are more than their places times the grain."""
        return [b - c.first * self.grain for b, c in zip(self.bounds, cuts(len(self.bounds) - 1))]

    def extremes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The bounds when all are as low, and as high, as they can be."""
        if not self.grain:
            return self.bounds, self.bounds
        found = cuts(len(self.bounds) - 1)
        return self.at([c.low for c in found]), self.at([c.high for c in found])

    def every(self) -> tuple[tuple[int, ...], ...]:
        """The bounds at all places, all moved alike."""
        found = cuts(len(self.bounds) - 1)
        reach = found[1].high - found[1].first
        return tuple(
            self.at([min(max(c.first + by, c.low), c.high) for c in found])
            for by in range(-reach, reach + 1)
        )

    def of_size(self, dim: int, size: int) -> list[Share]:
        """The same parts of another dimension, whose elements are whole pieces of these or the other way round, if they are."""
        whole = self.bounds[-1]
        found = Share(
            dim, tuple(b * size // whole for b in self.bounds), self.grain * size // whole
        )
        is_same = all(a * size == b * whole for a, b in zip((*self.bounds, self.grain), (*found.bounds, found.grain)))  # fmt: skip
        return [found] if is_same else []


class Cut(NamedTuple):
    """Where parts meet, in grains: at first, and how far that may move."""

    first: int
    low: int
    high: int


def bounds_of(size: int, threads: int, step: int = 1) -> tuple[int, ...]:
    """Where `threads` equal parts of `size` begin and end, in multiples of `step`."""
    blocks = -(-size // step)
    return tuple(min(size, blocks * t // threads * step) for t in range(threads + 1))


@cache
def cuts(threads: int) -> tuple[Cut, ...]:
    """Where parts in grains begin and end. Two that meet a third never reach each other."""
    reach = max(0, GRAINS // (4 * threads) - 1)
    inner = [GRAINS * t // threads for t in range(1, threads)]
    return Cut(0, 0, 0), *(Cut(c, c - reach, c + reach) for c in inner), Cut(*[GRAINS] * 3)


def grained(dim: int, size: int, threads: int, step: int = 1) -> list[Share]:
    """The share whose bounds change, if there is one whose parts are equal at first; bounds are multiples of `step` if `size` is none of GRAINS."""
    if GRAINS % threads or 8 * threads > GRAINS:
        return []
    if size % GRAINS == 0:
        return [Share(dim, bounds_of(size, threads), size // GRAINS)]
    grain = max(1, round(size / (GRAINS * step))) * step
    if grain * GRAINS > 2 * size:  # bounds would move too far
        return []
    return [Share(dim, bounds_of(size, threads, step), grain)]
