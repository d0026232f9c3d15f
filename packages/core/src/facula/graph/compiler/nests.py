"""Loop nests: what a compiled program is made of, between launches of descriptions and printed C.

A nest has a `shape` to loop over and values, which are trees: loads from memory, numbers and expressions of them.
Every load has one stride (in elements) per dimension of the nest, so a value moves into another nest by an affine map
of its indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from facula.backends.buffer.elements import converter
from facula.backends.buffer.kernels import (
    ArgReduce,
    Gather,
    Map,
    Matmul,
    Operand,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)
from facula.dtypes import B8, F32, FLOAT, I64
from facula.graph.codegen.elements import INT64, Element, element
from facula.graph.compiler.bfloat16 import BF16, Product
from facula.graph.compiler.lower import Launch, Memory
from facula.graph.compiler.planned import Planned
from facula.ops.dims import row_major


class Value:
    """A node of the tree that computes one element."""

    __slots__ = ()
    element: Element

    @property
    def below(self) -> tuple[Value, ...]:
        """The values that it is computed from."""
        return ()

    def moved(self, move: Move, known: Known | None = None) -> Value:
        """The same value in another nest, whose indices `move` turns into those of this one.

        `known` holds what has been moved: a part that several values share goes on being one.
        """
        known = {} if known is None else known
        if id(self) not in known:
            known[id(self)] = self, self._moved(move, known)
        return known[id(self)][1]

    def _moved(self, move: Move, known: Known) -> Value:
        return self

    def nodes(self) -> list[Value]:
        """All values that it is made of, itself among them, each once."""
        seen: dict[int, Value] = {id(self): self}
        stack: list[Value] = [self]
        while stack:
            for part in stack.pop().below:
                if id(part) not in seen:
                    seen[id(part)] = part
                    stack.append(part)
        return list(seen.values())

    def loads(self) -> Iterator[Load]:
        """All loads below, each once for each part."""
        for part in self.below:
            yield from part.loads()

    @property
    def may_fail(self) -> bool:
        """Whether it may note an error: an index that is out of range, a division of integers by zero."""
        return any(
            isinstance(v, Pick)
            or (isinstance(v, Apply) and v.dtype.category != FLOAT and not {"/", "%"}.isdisjoint(v.expression))
            for v in self.nodes()
        )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Load(Value):
    """The element at `offset + strides . indices`; its own dtype."""

    memory: Memory
    element: Element
    offset: int
    strides: tuple[int, ...]

    def _moved(self, move: Move, known: Known) -> Value:
        return Load(self.memory, self.element, *move(self.offset, self.strides))

    def loads(self) -> Iterator[Load]:
        yield self


@dataclass(frozen=True, eq=False, slots=True)
class Number(Value):
    """A Python number that is known when the program is made."""

    number: Any
    element: Element


@dataclass(frozen=True, eq=False, slots=True)
class Position(Value):
    """`offset + strides . indices` as a number."""

    offset: int
    strides: tuple[int, ...]
    element: Element = INT64

    def _moved(self, move: Move, known: Known) -> Value:
        return Position(*move(self.offset, self.strides))


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Value):
    """`expression`, computed in `dtype` of parts named a, b, c, ... and `index`, as a value of `element`."""

    expression: str
    dtype: Element
    names: tuple[str, ...]
    parts: tuple[Value, ...]
    element: Element
    _loads: list[Load] = field(default_factory=list, init=False, repr=False)  # once asked for

    @property
    def below(self) -> tuple[Value, ...]:
        return self.parts

    def loads(self) -> Iterator[Load]:
        if not self._loads:
            self._loads.extend(dict.fromkeys(x for part in self.parts for x in part.loads()))
        return iter(self._loads)

    def _moved(self, move: Move, known: Known) -> Value:
        parts = tuple(p.moved(move, known) for p in self.parts)
        return Apply(self.expression, self.dtype, self.names, parts, self.element)


@dataclass(frozen=True, eq=False, slots=True)
class Pick(Value):
    """The element of `memory` that an index picks along a further dimension of `size`, with stride `step`."""

    memory: Memory
    element: Element
    offset: int
    strides: tuple[int, ...]
    index: Value
    size: int
    step: int

    @property
    def below(self) -> tuple[Value, ...]:
        return (self.index,)

    def _moved(self, move: Move, known: Known) -> Value:
        place, index = move(self.offset, self.strides), self.index.moved(move, known)
        return Pick(self.memory, self.element, *place, index, self.size, self.step)

    def loads(self) -> Iterator[Load]:
        yield from self.index.loads()
        yield Load(self.memory, self.element, UNKNOWN, self.strides)


#: Steps of a product's sums, fewer than which take no longer than a map of the result, whose passes are in order.
DEEP = 64
#: The offset of a load that may be anywhere.
UNKNOWN = -1
#: By id: a value that was moved (kept, so that its id stays its own), and what it became.
Known = dict[int, tuple["Value", "Value"]]
#: (offset, strides) in one nest -> the same in another.
Move = Callable[[int, Sequence[int]], tuple[int, tuple[int, ...]]]


@dataclass(eq=False, slots=True)
class Store:
    """Where a nest puts a value."""

    memory: Memory
    element: Element
    offset: int
    strides: tuple[int, ...]
    value: Any  # a Value; None where the nest has it

    def move(self, move: Move, known: Known) -> None:
        """Takes it to another nest."""
        self.offset, self.strides = move(self.offset, self.strides)
        if self.value is not None:
            self.value = self.value.moved(move, known)


@dataclass(eq=False)
class Nest:
    """Loops over `shape`, all iterations independent."""

    shape: tuple[int, ...]

    @property
    def written(self) -> list[Memory]:
        raise NotImplementedError

    def redirect(self, instead: dict[Memory, Memory]) -> None:
        """Has it read other memories in place of some."""
        raise NotImplementedError

    @property
    def may_fail(self) -> bool:
        """Whether it may note an error, after which inputs are to stay as they are."""
        return False

    @property
    def read(self) -> list[Load]:
        """Loads; for nests that read elsewhere as well, with strides of no meaning."""
        raise NotImplementedError


@dataclass(eq=False)
class MapNest(Nest):
    """Stores values, element by element."""

    stores: list[Store]

    @property
    def may_fail(self) -> bool:
        return any(s.value.may_fail for s in self.stores)

    @property
    def written(self) -> list[Memory]:
        return [s.memory for s in self.stores]

    @property
    def read(self) -> list[Load]:
        return [x for s in self.stores for x in s.value.loads()]


@dataclass(eq=False)
class ReduceNest(Nest):
    """For each iteration of `shape`, `value` folded over the further dimensions `reduced`."""

    reduced: tuple[int, ...]
    value: Value
    store: Store  # its value is not used
    combine: str
    initial: Any
    dtype: Element

    @property
    def may_fail(self) -> bool:
        return self.value.may_fail

    @property
    def written(self) -> list[Memory]:
        return [self.store.memory]

    @property
    def read(self) -> list[Load]:
        return list(self.value.loads())


@dataclass(eq=False)
class MatmulNest(Nest):
    """`out[..., i, j] = sum of a[..., i, k] * b[..., k, j]`; `shape` is (*batch, m, n), strides as `Matmul` has them."""

    depth: int
    a: Load
    b: Load
    store: Store  # its value is not used
    by_thread: bool = False  # whether each thread is to do one of the first dimension
    then: MapNest | None = (
        None  # what is done to each part of the result, in its place, once its sums are whole
    )

    @property
    def may_fail(self) -> bool:
        return self.then is not None and self.then.may_fail

    @property
    def result(self) -> tuple[tuple[int, int], Store] | None:
        """The rows and columns of what is made tile by tile, and where; None where it is batches, or not float32 in lines."""
        *batch, m, n = self.shape
        is_plain = not batch and self.store.element.value == "f32" and self.store.strides[1] == 1
        return ((m, n), self.store) if is_plain and self.depth >= DEEP else None

    def redirect(self, instead: dict[Memory, Memory]) -> None:
        """Has it read other memories in place of some, or write others."""
        for x in ("a", "b"):
            load = getattr(self, x)
            memory = instead.get(load.memory, load.memory)
            setattr(self, x, Load(memory, load.element, load.offset, load.strides))
        self.store.memory = instead.get(self.store.memory, self.store.memory)

    @property
    def written(self) -> list[Memory]:
        return [self.store.memory]

    @property
    def read(self) -> list[Load]:
        more = [] if self.then is None else self.then.read
        return [self.a, self.b, *(x for x in more if x.memory is not self.store.memory)]


@dataclass(eq=False)
class WholeNest(Nest):
    """What is run as it is: of it only the memories are known."""

    outputs: list[Memory] = field(default_factory=list, kw_only=True)
    inputs: list[Load] = field(default_factory=list, kw_only=True)

    @property
    def written(self) -> list[Memory]:
        return self.outputs

    @property
    def read(self) -> list[Load]:
        return self.inputs


@dataclass(eq=False)
class CallNest(WholeNest):
    """A launch that is run as the kernel that core's printer makes of it."""

    launch: Launch
    then: MapNest | None = field(default=None, kw_only=True)  # as of a product

    @property
    def may_fail(self) -> bool:
        return not isinstance(self.launch.kernel, RandomWords)

    @property
    def read(self) -> list[Load]:
        more = [] if self.then is None else self.then.read
        return [*self.inputs, *(x for x in more if x.memory not in self.outputs)]

    @property
    def result(self) -> tuple[tuple[int, int], Store] | None:
        """The rows and columns of what the kernel makes row by row, and where; None where it makes nothing so."""
        kernel = self.launch.kernel
        if not isinstance(kernel, Planned) or kernel.matrix is None:
            return None
        out = self.launch.arguments[kernel.written[0]]
        return kernel.matrix, Store(out.buffer, element(F32), out.offset, row_major(kernel.matrix), None)  # fmt: skip

    def redirect(self, instead: dict[Memory, Memory]) -> None:
        """Has the kernel read other memories in place of some, or write others."""
        arguments = tuple(
            x._replace(buffer=instead.get(x.buffer, x.buffer)) if isinstance(x, Operand) else x
            for x in self.launch.arguments
        )
        self.launch = self.launch._replace(arguments=arguments)
        self.outputs = [instead.get(m, m) for m in self.outputs]
        self.inputs = [
            Load(instead.get(x.memory, x.memory), x.element, x.offset, x.strides)
            for x in self.inputs
        ]


def nests_of(launches: Sequence[Launch]) -> list[Nest]:
    """One nest for each launch."""
    return [_maker(launch.kernel)(launch) for launch in launches]


def _maker(kernel: Any) -> Callable[[Launch], Nest]:
    return _call if isinstance(kernel, Planned) else _MAKERS[type(kernel)]


def _load(operand: Operand, dtype: Any) -> Load:
    return Load(operand.buffer, element(dtype), operand.offset, tuple(operand.strides))


def _store(operand: Operand, dtype: Any, value: Any = None) -> Store:
    return Store(operand.buffer, element(dtype), operand.offset, tuple(operand.strides), value)


def _map(launch: Launch) -> Nest:
    kernel: Map = launch.kernel  # type: ignore[assignment]
    shape, out, *inputs = launch.arguments
    parts: list[Value] = []
    for x, given in zip(kernel.inputs, inputs):
        if x.is_scalar:
            kept = B8 if x.dtype is B8 else kernel.dtype
            parts.append(Number(converter(kept)(given), element(kept)))
        else:
            parts.append(_load(given, x.dtype))
    names = tuple("abcdefgh"[: len(parts)])
    if "index" in kernel.expression:
        names, parts = (*names, "index"), [*parts, Position(0, row_major(shape))]
    value = Apply(
        kernel.expression, element(kernel.dtype), names, tuple(parts), element(kernel.output)
    )
    return in_order(MapNest(tuple(shape), [_store(out, kernel.output, value)]))


def in_order(nest: MapNest | ReduceNest) -> Nest:
    """The nest with its dimensions in the order in which results lie in memory, and sums in that of what is summed."""
    reduces = isinstance(nest, ReduceNest)
    store = nest.store if reduces else nest.stores[0]  # type: ignore[union-attr]
    own = len(nest.shape)
    order = sorted(range(own), key=lambda d: -store.strides[d] if nest.shape[d] > 1 else 0)
    deep: list[int] = []
    if reduces:
        first = next(nest.value.loads(), None)  # type: ignore[union-attr]
        deep = list(range(len(nest.reduced)))  # type: ignore[union-attr]
        if first is not None:
            deep.sort(key=lambda d: -first.strides[own + d])
    if order == list(range(own)) and deep == list(range(len(deep))):
        return nest
    every = [*order, *(own + d for d in deep)]

    def move(offset: int, strides: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        return offset, tuple(strides[d] for d in every[: len(strides)])

    nest.shape = tuple(nest.shape[d] for d in order)
    store.move(move, {})
    if isinstance(nest, ReduceNest):
        nest.reduced = tuple(nest.reduced[d] for d in deep)
        nest.value = nest.value.moved(move)
    return nest


def _reduce(launch: Launch) -> Nest:
    kernel: Reduce = launch.kernel  # type: ignore[assignment]
    shape, reduced, out, a = launch.arguments
    dtype = element(kernel.dtype)
    nest = ReduceNest(
        tuple(shape),
        tuple(reduced),
        _load(a, kernel.input),
        _store(out, kernel.dtype),
        kernel.combine,
        kernel.initial,
        dtype,
    )
    return in_order(nest)


def _matmul(launch: Launch) -> Nest:
    kernel: Matmul = launch.kernel  # type: ignore[assignment]
    if element(kernel.dtype).short not in ("f32", "f64"):
        return _call(launch)
    return _product(launch.arguments, kernel.dtype, kernel.dtype)


def _product(arguments: tuple[Any, ...], read: Any, made: Any) -> Nest:
    (*batch, m, n, k), out, a, b = arguments
    return MatmulNest((*batch, m, n), k, _load(a, read), _load(b, read), _store(out, made))


def _gather(launch: Launch) -> Nest:
    kernel: Gather = launch.kernel  # type: ignore[assignment]
    shape, size, out, a, index = launch.arguments
    e = element(kernel.dtype)
    picked = Pick(
        a.buffer,
        e,
        a.offset,
        (*a.strides[:-1], 0),
        _load(index, I64),
        size,
        a.strides[-1],
    )
    return in_order(MapNest(tuple(shape), [_store(out, kernel.dtype, picked)]))


#: For kernels that are called: where among the launch's operands the written ones are.
_WRITTEN = {
    ArgReduce: (2,),
    Scan: (1,),
    Scatter: (2,),
    Sort: (1, 2),
    RandomWords: (1,),
    Matmul: (1,),
}


def _call(launch: Launch) -> Nest:
    kernel = launch.kernel
    at = kernel.written if isinstance(kernel, Planned) else _WRITTEN[type(kernel)]
    operands = [(i, x) for i, x in enumerate(launch.arguments) if isinstance(x, Operand)]
    outputs = [x.buffer for i, x in operands if i in at]
    read = [x for i, x in operands if i not in at or isinstance(launch.kernel, Scatter)]
    inputs = [Load(x.buffer, INT64, UNKNOWN, tuple(x.strides)) for x in read]
    return CallNest((), launch, outputs=outputs, inputs=inputs)


_MAKERS: dict[type, Callable[[Launch], Nest]] = {
    Map: _map, Reduce: _reduce, Matmul: _matmul, Gather: _gather,
    Product: lambda launch: _product(launch.arguments, BF16, F32),
    ArgReduce: _call, Scan: _call, Scatter: _call, Sort: _call, RandomWords: _call,
}  # fmt: skip
