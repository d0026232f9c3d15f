"""How a dimension is cut into a part for each thread: equally, or as fast as each thread has shown to be.

Cores are often unequal, as what a neighbour leaves of one changes from minute to minute. Parts that may change are whole
grains; all such parts of a program change together (runtime/shares.c), so that a thread goes on with what it made itself.
"""

from __future__ import annotations

from typing import NamedTuple

#: Grains that a dimension is cut into where its parts may change: one is a thirtieth of a part of two.
GRAINS = 64


class Share(NamedTuple):
    """Dimension `dim` of a nest, in parts that begin and end at `bounds`.

    With a `grain`, which is a number of elements, bounds change between runs: `bounds` is how they begin.
    """

    dim: int
    bounds: tuple[int, ...]
    grain: int = 0

    def extremes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The bounds when all are as low, and as high, as they can be."""
        if not self.grain:
            return self.bounds, self.bounds
        found = cuts(len(self.bounds) - 1)
        return tuple(c.low * self.grain for c in found), tuple(c.high * self.grain for c in found)


class Cut(NamedTuple):
    """Where parts meet, in grains: at first, and how far that may move."""

    first: int
    low: int
    high: int


def bounds_of(size: int, threads: int, step: int = 1) -> tuple[int, ...]:
    """Where `threads` equal parts of `size` begin and end, in multiples of `step`."""
    blocks = -(-size // step)
    return tuple(min(size, blocks * t // threads * step) for t in range(threads + 1))


def cuts(threads: int) -> list[Cut]:
    """Where parts in grains begin and end. Two that meet a third never reach each other."""
    reach = max(0, GRAINS // (4 * threads) - 1)
    inner = [GRAINS * t // threads for t in range(1, threads)]
    return [Cut(0, 0, 0), *(Cut(c, c - reach, c + reach) for c in inner), Cut(*[GRAINS] * 3)]


def grained(dim: int, size: int, threads: int) -> list[Share]:
    """The share whose bounds change, if there is one whose parts are equal at first."""
    if size % GRAINS or GRAINS % threads or 8 * threads > GRAINS:
        return []
    return [Share(dim, bounds_of(size, threads), size // GRAINS)]
