"""Nests joined, so that what is made element by element is read from registers and not from memory.

Three things happen to a nest, in program order. A load of what a map made is replaced by the map's value
(*inlined*) where that costs nothing or saves a pass over memory. A map that needs what an earlier one makes, over the
same elements, is *merged* into it. What nobody reads any more is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import (
    Apply,
    Known,
    Load,
    MapNest,
    Move,
    Nest,
    Pick,
    Position,
    ReduceNest,
    Store,
    Value,
)
from facula.ops.dims import row_major

#: What a value may cost to be computed anew by several readers rather than stored: about a load each.
CHEAP = 4
#: The same where a nest less is a launch less: a division, too.
CHEAP_LAUNCHED = 12
#: Functions that cost as much as many operations.
_DEAR = ("exp", "log", "tanh", "sin", "cos", "erf", "gelu", "pow", "sqrt", "lgamma", "atan2", "/")
#: Values with more parts than this are stored: compilers take longer than the pass over memory.
LARGE = 60
#: Arrays that a sum of a long loop's parts adds up at a time: each of them is there until then.
TOGETHER = 8


def fuse(nests: Sequence[Nest], outputs: set[Memory], launched: bool = False) -> list[Nest]:
    """Fewer nests that do the same; `outputs` are needed in the end. `launched`: each costs a launch on a device.

    Twice: two maps that share what they load are seen to once that which only one of them has is part of it.
    """
    return _Fusion(_Fusion(nests, outputs, launched).run(), outputs, launched).run()


class _Fusion:
    def __init__(self, nests: Sequence[Nest], outputs: set[Memory], launched: bool):
        self.nests, self.outputs, self.launched = nests, outputs, launched
        self.cheap = CHEAP_LAUNCHED if launched else CHEAP
        self.writes: dict[Memory, list[int]] = defaultdict(list)
        self.readers: dict[Memory, set[int]] = defaultdict(set)
        for i, nest in enumerate(nests):
            for memory in nest.written:
                self.writes[memory].append(i)
            for load in nest.read:
                self.readers[load.memory].add(i)
        #: Where among the original nests each of those that are done stands, and who makes what.
        self.at: dict[Nest, int] = {}
        self.made: dict[Memory, tuple[MapNest, Store]] = {}
        self.loading: dict[tuple[Memory, int, tuple[int, ...]], MapNest] = {}
        #: The last map of one element: one function for many numbers.
        self.single: MapNest | None = None

    def run(self) -> list[Nest]:
        done: list[Nest] = []
        for i, nest in enumerate(self.nests):
            self.at[nest] = i
            if isinstance(nest, MapNest):
                self.inline_map(nest)
                if self.merge(nest):
                    continue
                self.note(nest, nest.stores)
            elif isinstance(nest, ReduceNest):
                self.inline_reduce(nest)
            done.append(nest)
        return self.without_dead(done)

    def note(self, nest: MapNest, stores: Sequence[Store]) -> None:
        """Remembers what a map makes whole."""
        for store in stores:
            whole = not store.offset and store.strides == row_major(nest.shape)
            if whole and len(self.writes[store.memory]) == 1 and store.memory.role == "temporary":
                self.made[store.memory] = nest, store

    # ---- inlining

    def inline_map(self, nest: MapNest) -> None:
        for load in nest.read:
            self.refine(nest, load)
        changed: dict[int, Value] = {}
        for store in nest.stores:
            store.value = self.inlined(store.value, nest.shape, nest, changed)

    def inline_reduce(self, nest: ReduceNest) -> None:
        nest.value = self.inlined(nest.value, (*nest.shape, *nest.reduced), nest, {})

    def inlined(self, value: Value, shape: tuple[int, ...], nest: Nest, known: dict[int, Value]) -> Value:  # fmt: skip
        found = known.get(id(value))
        if found is None:
            found = known[id(value)] = self._inlined(value, shape, nest, known)
        return found

    def _inlined(self, value: Value, shape: tuple[int, ...], nest: Nest, known: dict[int, Value]) -> Value:  # fmt: skip
        if isinstance(value, Load):
            return self.instead(value, shape)
        if isinstance(value, Apply):
            parts = tuple(self.inlined(p, shape, nest, known) for p in value.parts)
            return Apply(value.expression, value.dtype, value.names, parts, value.element)
        if isinstance(value, Pick):
            index = self.inlined(value.index, shape, nest, known)
            return self.instead_of_picked(replace(value, index=index), shape)
        return value

    def instead_of_picked(self, pick: Pick, shape: tuple[int, ...]) -> Value:
        """What is picked, computed of what is picked of its parts, if that is better; else the pick itself."""
        load = Load(pick.memory, pick.element, pick.offset, (*pick.strides, pick.step))
        value = self.instead(load, (*shape, pick.size))
        parts = value.nodes()
        if any(isinstance(v, (Pick, Position)) for v in parts):
            return pick
        if not any(isinstance(v, Load) and v.strides[-1] for v in parts):
            return pick  # a wrong index would go unnoticed
        return _picked(value, pick, {})

    def instead(self, load: Load, shape: tuple[int, ...]) -> Value:
        """What is loaded, computed where it is needed, if that is better; else the load itself."""
        if load.memory not in self.made:
            return load
        maker, store = self.made[load.memory]
        if store.element is not load.element or not self.is_current(store.value, maker):
            return load
        move = affine(load, shape, maker.shape)
        if move is None or not self.is_worth_it(load.memory, store.value, shape, maker):
            return load
        kept = [s for s in maker.stores if s is not store and self.is_kept(s, maker)]
        stored = {id(s.value): s for s in kept}
        moved: Value = _reading(store.value, stored, {}).moved(move)
        return moved

    def is_kept(self, store: Store, maker: MapNest) -> bool:
        """Whether a store stays whatever is inlined: several read what takes many loads to make, or it is read as it is."""
        if len(self.writes[store.memory]) > 1:
            return False
        if len(self.readers[store.memory]) > 1 and streams(store.value, maker.shape) > 1:
            return True
        return self.is_better_read(store.memory, store.value, maker)

    def is_current(self, value: Value, maker: Nest) -> bool:
        """Whether what the value is computed from is not written after its maker."""
        at = self.at[maker]
        return all(i < at for load in value.loads() for i in self.writes[load.memory])

    def is_worth_it(self, memory: Memory, value: Value, shape: tuple[int, ...], maker: MapNest) -> bool:  # fmt: skip
        loads, cost = streams(value, maker.shape), cost_of(value)
        if size_of(value) > LARGE:
            return False
        if not loads and cost <= self.cheap:
            return True
        grows = count(shape) > count(maker.shape)
        if len(self.readers[memory]) == 1 and memory not in self.outputs and not grows:
            return not self.ends_many(memory, value, maker)
        if self.is_better_read(memory, value, maker):
            return False
        if self.launched:  # rows and columns that all share stay in caches
            loads = sum(16 * x.memory.nbytes > memory.nbytes for x in value.loads())
        return loads <= 1 and cost <= self.cheap

    def ends_many(self, memory: Memory, value: Value, maker: MapNest) -> bool:
        """Whether many arrays end with the maker of a value, which would all have to be kept for whoever reads it later."""
        ending = {
            m
            for m in (x.memory for x in value.loads())
            if m.role == "temporary" and max(self.readers[m], default=-1) <= self.at[maker]
        }
        return sum(m.nbytes >= memory.nbytes for m in ending) >= TOGETHER

    def is_better_read(self, memory: Memory, value: Value, maker: MapNest) -> bool:
        """Whether a value is stored whatever is inlined, and what it is made of then ends with its maker, which may write over it."""
        readers = (self.nests[i] for i in self.readers[memory])
        if memory not in self.outputs and all(
            isinstance(n, (MapNest, ReduceNest)) for n in readers
        ):
            return False
        through = [x.memory for x in value.loads() if streams(x, maker.shape)]
        return all(
            m.role == "temporary" and max(self.readers[m], default=-1) <= self.at[maker]
            for m in through
        )

    def refine(self, nest: MapNest, load: Load) -> None:
        """Splits dimensions of `nest` where what it loads was made in a nest with more of them."""
        if load.memory not in self.made:
            return
        shape = self.made[load.memory][0].shape
        if load.strides == row_major(nest.shape):
            self.split(nest, shape)

    def split(self, nest: MapNest, other: tuple[int, ...]) -> None:
        """Splits dimensions of `nest` until they are as fine as those of `other`, if they can be."""
        split = refined(nest.shape, other) if count(other) == count(nest.shape) else None
        if split is not None:
            nest.shape, move = split
            known: Known = {}
            for store in nest.stores:
                store.move(move, known)

    # ---- merging

    def merge(self, nest: MapNest) -> bool:
        """Moves the stores of `nest` into an earlier map that makes or loads what it loads."""
        for host in self.hosts(nest):
            if host.shape != nest.shape:
                self.split(host, nest.shape)
            if host.shape != nest.shape or not self.may_move(nest, host):
                continue
            values = {s.memory: s for s in host.stores}
            for store in nest.stores:
                store.value = _from_registers(store.value, values, {})
            host.stores += nest.stores
            self.note(host, nest.stores)
            self.loaded_by(host)
            return True
        self.loaded_by(nest)
        if count(nest.shape) == 1:
            self.single = nest
        return False

    def hosts(self, nest: MapNest) -> Iterator[MapNest]:
        """Maps that `nest` might join: those that make what it loads, then the last that load the same elements."""
        reads = list(nest.read)
        for load in reads:
            if load.memory in self.made:
                yield self.made[load.memory][0]
        for load in reads:
            found = self.loading.get((load.memory, load.offset, load.strides))
            if found is not None and count(found.shape) == count(nest.shape) > 1:
                yield found
        if self.single is not None and count(nest.shape) == 1:
            yield self.single

    def loaded_by(self, nest: MapNest) -> None:
        """Remembers which map loads what; not what it loads once for all its iterations."""
        for load in nest.read:
            if any(load.strides):
                self.loading[load.memory, load.offset, load.strides] = nest

    def may_move(self, nest: MapNest, host: MapNest) -> bool:
        made_there = {s.memory: s for s in host.stores}
        for load in nest.read:
            store = made_there.get(load.memory)
            if store is not None:
                same = (load.offset, load.strides) == (store.offset, store.strides)
                once = len(self.writes[load.memory]) == 1  # else a part may be written in between
                if not same or not once or load.element is not store.element:
                    return False
            elif any(i >= self.at[host] for i in self.writes[load.memory]):
                return False
        total = sum(size_of(s.value) for s in (*host.stores, *nest.stores))
        return total <= 2 * LARGE and all(len(self.writes[s.memory]) == 1 for s in nest.stores)

    # ---- dropping

    def without_dead(self, nests: list[Nest]) -> list[Nest]:
        needed = set(self.outputs)
        kept = []
        for nest in reversed(nests):
            if isinstance(nest, MapNest):
                nest.stores = [s for s in nest.stores if s.memory in needed]
                if not nest.stores:
                    continue
            elif not any(m in needed for m in nest.written):
                continue
            needed.update(load.memory for load in nest.read)
            kept.append(nest)
        return kept[::-1]


def _from_registers(value: Value, made: dict[Memory, Store], known: dict[int, Value]) -> Value:
    """The value with loads of what its own nest stores replaced by what is stored."""
    if id(value) in known:
        return known[id(value)]
    found = value
    if isinstance(value, Load) and value.memory in made:
        found = made[value.memory].value
    elif isinstance(value, Apply):
        parts = tuple(_from_registers(p, made, known) for p in value.parts)
        found = Apply(value.expression, value.dtype, value.names, parts, value.element)
    elif isinstance(value, Pick):
        found = replace(value, index=_from_registers(value.index, made, known))
    known[id(value)] = found
    return found


def _reading(value: Value, stored: dict[int, Store], known: dict[int, Value]) -> Value:
    """The value with parts that are stored anyway loaded instead of computed anew."""
    if id(value) not in known:
        found = value
        if id(value) in stored:
            store = stored[id(value)]
            found = Load(store.memory, store.element, store.offset, store.strides)
        elif isinstance(value, Apply):
            parts = tuple(_reading(p, stored, known) for p in value.parts)
            found = Apply(value.expression, value.dtype, value.names, parts, value.element)
        known[id(value)] = found
    return known[id(value)]


def _picked(value: Value, pick: Pick, known: dict[int, Value]) -> Value:
    """A value over one dimension more, the last, as what the pick's index chooses there."""
    if id(value) not in known:
        found = value
        if isinstance(value, Load):
            place, step = (
                (value.memory, value.element, value.offset, value.strides[:-1]),
                value.strides[-1],
            )
            found = Pick(*place, pick.index, pick.size, step) if step else Load(*place)
        elif isinstance(value, Apply):
            found = replace(value, parts=tuple(_picked(p, pick, known) for p in value.parts))
        known[id(value)] = found
    return known[id(value)]


def streams(value: Value, shape: Sequence[int]) -> int:
    """How many loads go through memory: not those of a few elements, such as a number for each channel."""
    few = count(shape) // 16
    return sum(count([n for n, s in zip(shape, x.strides) if s]) > few for x in value.loads())


def count(shape: Sequence[int]) -> int:
    """Iterations of a nest."""
    n = 1
    for size in shape:
        n *= size
    return n


def size_of(value: Value) -> int:
    """How many values it is made of, each counted once."""
    return len(value.nodes())


def cost_of(value: Value) -> int:
    """About how many simple operations a value takes, beside its loads."""
    return sum(
        1 + 10 * sum(f in v.expression for f in _DEAR)
        for v in value.nodes()
        if isinstance(v, Apply) and v.expression != "a"
    )


def affine(load: Load, shape: tuple[int, ...], made: tuple[int, ...]) -> Move | None:
    """How a nest over `shape` reaches, through `load`, the iterations of a nest over `made` that stored in order."""
    if load.offset < 0 or any(s < 0 for s in load.strides):
        return None
    steps = row_major(made)
    start = _digits(load.offset, steps)
    columns = [_digits(s, steps) for s in load.strides]  # per dimension of the reader
    for d, n in enumerate(made):
        if start[d] + sum(c[d] * (size - 1) for c, size in zip(columns, shape)) >= n:
            return None

    def move(offset: int, strides: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        first = offset + sum(s * x for s, x in zip(strides, start))
        return first, tuple(sum(s * x for s, x in zip(strides, c)) for c in columns)

    return move


def _digits(number: int, steps: Sequence[int]) -> list[int]:
    found = []
    for step in steps:
        found.append(number // step)
        number %= step
    return found


def refined(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[tuple[int, ...], Move] | None:
    """`shape` with dimensions split so that those of `other` are made of whole ones, and how strides follow."""
    ours, theirs = list(shape), [n for n in other if n != 1]
    pieces: list[list[int]] = [[] for _ in shape]  # from the innermost
    d = len(ours) - 1
    while d >= 0:
        if ours[d] == 1:
            pieces[d].append(1) if not pieces[d] else None
            d -= 1
            continue
        if not theirs:
            return None
        small, large = sorted((ours[d], theirs[-1]))
        if large % small:
            return None
        pieces[d].append(small)
        ours[d] //= small
        if theirs[-1] == small:
            theirs.pop()
        else:
            theirs[-1] //= small
        if ours[d] == 1:
            d -= 1
    sizes = [list(reversed(p)) for p in pieces]

    def move(offset: int, strides: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        found: list[int] = []
        for stride, parts in zip(strides, sizes):
            found += [stride * step for step in row_major(parts)]
        return offset, tuple(found)

    return tuple(n for p in sizes for n in p), move
