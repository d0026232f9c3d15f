"""Who does what, and when they must wait: how nests are shared out among threads, and where barriers stand.

A nest is shared out along one of its dimensions, thread t taking the t-th part of it, or done by the first thread
alone. Two nests need no barrier between them where each thread reads just what it wrote itself,
wherever parts begin and end that change (shares.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from facula.backends.buffer.kernels import Scatter
from facula.graph.compiler.fuse import cost_of, count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import (
    CallNest,
    Load,
    MapNest,
    MatmulNest,
    Nest,
    ReduceNest,
    Store,
)
from facula.graph.compiler.planned import Planned
from facula.graph.compiler.same_bits import has_same_bits
from facula.graph.compiler.shares import GRAINS, Share, bounds_of, grained

#: What waiting for all threads costs, as work (elements times their cost; 32 are done in a nanosecond).
BARRIER = 16_000
#: What an element that a called kernel makes costs: a random number, a place of a sort, a sum of a convolution.
CALLED = 16
#: What it costs to have threads begin: they may have to be woken.
START = 60_000
#: What it costs to read an element of a factor, which may be far away, and how many steps of a product an element of a map is worth.
FACTOR, PRODUCT = 4, 2
#: Elements in a row, fewer than which are a small piece of memory.
PIECE = 1024
#: Work of a nest from which on its parts should change with the speed of cores, and what it costs where they cannot.
UNEQUAL, WAITING = 20 * BARRIER, 1.05


def schedule(nests: Sequence[Nest], threads: int, places: dict[Memory, tuple[int, int]], inputs: int = 0) -> tuple[list[Share | None], list[bool]]:  # fmt: skip
    """How each nest is shared out, and whether all threads must have arrived before it.

    The first so many places are inputs, which are not written before all threads have done what may fail.

    Of the ways to share out a nest, the cheapest is taken: its work by the threads that do it, and a barrier if what
    came before makes one necessary. So small nests follow the parts of what they read.
    """
    shares: list[Share | None] = []
    waits = []
    done: dict[int, list[Touch]] = {}  # since the last barrier, by place
    moving: dict[Share, None] = {}  # shares since then whose bounds change
    may_fail = False
    for nest in nests:
        updates = may_fail and isinstance(nest, MapNest) and any(places[m][0] < inputs for m in nest.written)  # fmt: skip
        best: tuple[float, Share | None, bool, list[Touch]] | None = None
        work = work_of(nest)
        for shared in ways(nest, threads, moving):
            new = list(dict.fromkeys(touches(nest, shared, places)))
            waits_here = updates or any(_conflict(a, b) for b in new for a in done.get(b.place, ()))  # fmt: skip
            each = work * slowed(nest, shared) / (1 if shared is None else threads)
            if work > UNEQUAL and shared is not None and not shared.grain:
                each *= WAITING
            cost = each + BARRIER * waits_here
            if best is None or cost < best[0]:
                best = cost, shared, waits_here, new
        assert best is not None
        _, shared, waits_here, new = best
        if waits_here:
            done, moving, may_fail = {}, {}, False
        may_fail |= nest.may_fail
        for touch in new:
            done.setdefault(touch.place, []).append(touch)
        if shared is not None and shared.grain:
            moving[shared] = None
        shares.append(shared)
        waits.append(waits_here)
    return shares, waits


def slowed(nest: Nest, shared: Share | None) -> float:
    """How much longer an element takes than if a thread's part were in one piece: memory is fetched by neighbouring lines."""
    last = len(nest.shape) - 1
    cut = shared is not None and shared.dim == last > 0 and not isinstance(nest, MatmulNest)
    return 1.5 if cut and shared.bounds[1] < PIECE else 1  # type: ignore[union-attr]


def is_worth(nests: Sequence[Nest], shares: Sequence[Share | None], waits: Sequence[bool], threads: int) -> bool:  # fmt: skip
    """Whether threads do a program sooner than one alone, all their meeting counted."""
    alone = sum(map(work_of, nests))
    parts = sum(
        work_of(n) / (1 if s is None and not isinstance(n, CallNest) else threads)
        for n, s in zip(nests, shares)
    )
    return START + parts + BARRIER * sum(waits) < alone


def ways(nest: Nest, threads: int, moving: Iterable[Share] = ()) -> list[Share | None]:
    """The ways to share out a nest, the best for its own speed first; all by the first thread last.

    Elements may also follow parts of nests before, whose bounds are `moving`.
    """
    if threads == 1 or isinstance(nest, CallNest) or not nest.shape:
        return [None]
    if isinstance(nest, MatmulNest):
        found = _matmul(nest, threads)
    else:
        found = _elements(nest, threads, moving)
    return [*dict.fromkeys(found), None]


def _elements(nest: Nest, threads: int, moving: Iterable[Share]) -> list[Share | None]:
    large = [d for d, n in enumerate(nest.shape) if n >= 8 * threads]
    first = large[0] if large else max(range(len(nest.shape)), key=lambda d: nest.shape[d])
    dims = [first, *(d for d, n in enumerate(nest.shape) if d != first and n >= threads)]
    found: list[Share | None] = []
    for dim in dims:
        n = nest.shape[dim]
        whole = dim == len(nest.shape) - 1 and n >= 32 * threads
        steps = (16, 4, 1) if whole else (1, 4, 16)
        equal = [Share(dim, bounds_of(n, threads, step)) for step in steps if n > 1]
        unequal = [s for step in (4, 16) for s in grained(dim, n, threads, step)]
        unequal += [s for other in moving for s in other.of_size(dim, n)]
        # where bounds would lie within cache lines, or other dimensions seldom have the like, equal parts come first
        in_lines = 0 < dim == len(nest.shape) - 1
        found += [*equal, *unequal] if in_lines or n % GRAINS else [*unequal, *equal]
    return found


def _matmul(nest: MatmulNest, threads: int) -> list[Share | None]:
    *batch, m, n = nest.shape
    if nest.by_thread:
        return [Share(0, bounds_of(batch[0], threads))]
    found: list[Share | None] = []
    for dim, size in enumerate(batch):
        if size >= 2 * threads or size % threads == 0:
            found += [Share(dim, bounds_of(size, threads)), *grained(dim, size, threads)]
    rows = Share(len(batch), bounds_of(m, threads, 4))
    columns = Share(len(batch) + 1, bounds_of(n, threads, 16))
    found += (rows, columns) if m >= n else (columns, rows)
    if work_of(nest) > UNEQUAL:
        for d in sorted((0, 1), key=lambda d: ((m, n)[d] % GRAINS > 0, -(m, n)[d])):
            unequal = grained(len(batch) + d, (m, n)[d], threads, (4, 16)[d])
            found += [s for s in unequal if has_same_bits(nest, d, s)]
    return found


def work_of(nest: Nest) -> int:
    """Elements of a nest times about what one costs."""
    if isinstance(nest, MatmulNest):
        *batch, m, n = nest.shape
        each = m * n * (nest.depth // PRODUCT + FACTOR) + (m + n) * nest.depth * FACTOR
        return count(batch) * each + (0 if nest.then is None else work_of(nest.then))
    if isinstance(nest, ReduceNest):
        return count(nest.shape) * count(nest.reduced) * (1 + cost_of(nest.value))
    if isinstance(nest, MapNest):
        return count(nest.shape) * sum(1 + cost_of(s.value) for s in nest.stores)
    if isinstance(nest, CallNest):
        kernel = nest.launch.kernel
        more = 0 if nest.then is None else work_of(nest.then)
        if isinstance(kernel, Planned) and kernel.work is not None:
            return kernel.work + more
        sizes = [m.nbytes for m in nest.written]
        if isinstance(kernel, Scatter):  # as many as there are values, or numbers of places
            sizes = [min(x.memory.nbytes for x in nest.read)]
        return CALLED * sum(sizes) // 4 + more
    return 0


class Touch(NamedTuple):
    """What a nest does to a piece of memory: bytes `low` to `high` of `place`, thread t those in `parts` t.

    Where parts change, `parts` are those of the lowest bounds, `moved` those of the highest.
    """

    place: int
    low: int
    high: int
    parts: tuple[tuple[int, int], ...] | None  # None: the first thread alone
    writes: bool
    exact: bool  # whether a thread touches nothing outside its part
    moved: tuple[tuple[int, int], ...] = ()
    box: Any = None  # what a thread touches, where two that are equal mean the same elements for the same thread


def _conflict(a: Touch, b: Touch) -> bool:
    if not (a.writes or b.writes) or a.place != b.place or a.high <= b.low or b.high <= a.low:
        return False
    if a.parts is None or b.parts is None:
        return not (a.parts is None and b.parts is None)
    if not (a.exact and b.exact):
        return True
    if a.box is not None and a.box == b.box:
        return False
    threads = range(len(a.parts))
    return any(t < s and not (_apart(a, t, b, s) and _apart(b, t, a, s)) for t in threads for s in threads)  # fmt: skip


def _apart(a: Touch, t: int, b: Touch, s: int) -> bool:
    """Whether what thread `t` touches by `a` never meets what a later thread `s` does by `b`, wherever bounds are.

    Ends of parts grow evenly with one bound each. So what is in order for the lowest and for the highest place of a bound that
    both have is so between; ends of different bounds are compared at the worst places.
    """
    assert a.parts is not None and b.parts is not None
    (low, end), (_, last_end) = a.parts[t], a.moved[t]
    (begin, high), (last_begin, last_high) = b.parts[s], b.moved[s]
    if max(end, last_end) <= low or max(high, last_high) <= begin:  # one of them is empty
        return True
    if s == t + 1 and end <= begin and last_end <= last_begin:
        return True
    return last_end <= begin or last_high <= low


def touches(nest: Nest, shared: Share | None, places: dict[Memory, tuple[int, int]]) -> list[Touch]:  # fmt: skip
    """All that a nest reads and writes."""
    if isinstance(nest, CallNest):  # its loops are shared out, it is not known how
        memories = [(m, True) for m in nest.written] + [(x.memory, False) for x in nest.read]
        found = [_whole(m, _EVERYWHERE, places, writes) for m, writes in memories]
        kernel = nest.launch.kernel
        if isinstance(kernel, Planned):  # its plan is memory too, that all write
            found.append(Touch(id(kernel), 0, 1, _EVERYWHERE, True, False))
        return found
    if isinstance(nest, MapNest):
        stores = nest.stores
    elif isinstance(nest, (ReduceNest, MatmulNest)):
        stores = [nest.store]
    else:
        raise TypeError(f"a nest of an unknown kind, {type(nest).__name__}")
    found = [_touch(s, nest, shared, places, True) for s in stores]
    return found + [_touch(x, nest, shared, places, False) for x in nest.read]


#: Parts of a nest of which every thread may touch everything.
_EVERYWHERE = ()


def _whole(memory: Memory, parts: Any, places: dict[Memory, tuple[int, int]], writes: bool) -> Touch:  # fmt: skip
    place, at = places[memory]
    return Touch(place, at, at + memory.nbytes, parts, writes, False)


def _touch(x: Load | Store, nest: Nest, shared: Share | None, places: dict[Memory, tuple[int, int]], writes: bool) -> Touch:  # fmt: skip
    if shared is None:
        return _whole(x.memory, None, places, writes)
    place, at = places[x.memory]
    if x.offset < 0 or any(s < 0 for s in x.strides):
        return _whole(x.memory, _EVERYWHERE, places, writes)
    sizes = _sizes(x, nest)
    dim = shared.dim
    if isinstance(nest, MatmulNest) and x is nest.a and dim == len(nest.shape) - 1:
        dim = -1  # all of a
    if isinstance(nest, MatmulNest) and x is nest.b and dim == len(nest.shape) - 2:
        dim = -1
    parts, moved = (_parts(x, sizes, dim, bounds, at) for bounds in shared.extremes())
    box = _box(x, sizes, dim, shared, at)
    return Touch(place, at, at + x.memory.nbytes, parts, writes, True, moved, box)


def _parts(x: Load | Store, sizes: Sequence[int], dim: int, bounds: Sequence[int], at: int) -> tuple[tuple[int, int], ...]:  # fmt: skip
    """From where to where each thread touches the memory that begins `at`; of nothing it is from and to the same byte."""
    parts = []
    for low, high in pairwise(bounds):
        first, last = x.offset, x.offset
        for d, (n, s) in enumerate(zip(sizes, x.strides)):
            start, end = (low, high - 1) if d == dim else (0, n - 1)
            first += s * start
            last += s * max(end, start)
        begin = at + first * x.element.itemsize
        parts.append((begin, at + (last + 1) * x.element.itemsize if high > low else begin))
    return tuple(parts)


def _box(x: Load | Store, sizes: Sequence[int], dim: int, shared: Share, at: int) -> Any:
    """The elements of an access, with dimensions in the order of memory and joined where they follow each other.

    None where several threads may touch one element.
    """
    if dim < 0 or not x.strides[dim]:
        return None
    order = sorted(
        (d for d, (n, s) in enumerate(zip(sizes, x.strides)) if d == dim or (n > 1 and s)),
        key=lambda d: -x.strides[d],
    )
    joined: list[tuple[int, int, bool]] = []
    whole = 1  # elements in a row for each of the dimension that is shared out
    for d in order:
        n, s, own = sizes[d], x.strides[d], d == dim
        if joined and not own and joined[-1][1] == s * n:
            before, _, is_own = joined[-1]
            joined[-1] = before * n, s, is_own
            whole *= n if is_own else 1
        else:
            joined.append((n, s, own))
    reach = 1
    for n, s, _ in reversed(joined):
        if s < reach:  # elements overlap
            return None
        reach = s * (n - 1) + reach
    bounds = tuple(b * whole for b in shared.bounds)
    return at, x.element.storage, x.offset, tuple(joined), bounds, shared.grain * whole


def _sizes(x: Load | Store, nest: Nest) -> tuple[int, ...]:
    """How far each stride of an access runs."""
    if isinstance(nest, ReduceNest) and x is not nest.store:
        return (*nest.shape, *nest.reduced)
    if isinstance(nest, MatmulNest):
        *batch, m, n = nest.shape
        if x is nest.a:
            return (*batch, m, nest.depth)
        if x is nest.b:
            return (*batch, nest.depth, n)
    return nest.shape
