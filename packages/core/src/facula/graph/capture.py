"""Capturing: one run of a function in which every op of the thread becomes a node of a graph.

A tensor that exists already is taken in when it is first touched: its array is swapped for a symbol,
and put back at the end, whatever happens. What was written to it becomes an output of the program.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from facula._tensor import Tensor, edge_of, is_tracked
from facula.autograd.mode import Mode, is_grad_enabled, state
from facula.autograd.record import Node as TapeNode, Output, flatten, from_array
from facula.graph.active import active
from facula.graph.errors import CaptureError, refuse
from facula.graph.ir import INPUT, Graph, Node, Runtime, Value
from facula.graph.overlap import Ranges, span_of
from facula.graph.symbol import Storage, Symbol, shared_write
from facula.graph.trace import TraceBackend, trace_of
from facula.graph.tree import flatten_tree
from facula.ops._op import OPS, Op

#: Ops that pass on what they get: raw nodes of these lie between a taped value and its use.
_PASSING = frozenset(("cast", "clone", "expand"))


class Source:
    """Where a graph input comes from at each replay."""

    def tensor(self, args: list[Tensor]) -> Tensor | None:
        raise NotImplementedError


class Argument(Source):
    """The tensor at a position among the arguments' tensors."""

    def __init__(self, at: int):
        self.at = at

    def tensor(self, args: list[Tensor]) -> Tensor | None:
        return args[self.at]


class Held(Source):
    """A tensor that the function reached by itself: a parameter, a buffer, optimizer state."""

    def __init__(self, held: Tensor):
        self.held = held

    def tensor(self, args: list[Tensor]) -> Tensor | None:
        return self.held


class GradOf(Source):
    """The `.grad` that another input has at that time."""

    def __init__(self, owner: Source):
        self.owner = owner

    def tensor(self, args: list[Tensor]) -> Tensor | None:
        owner = self.owner.tensor(args)
        return None if owner is None else owner.__dict__.get("_grad")


class Scalar(Source):
    """A number that is read anew at each replay, as a 0-d tensor."""

    def __init__(self, read: Callable[[], Any], dtype: Any, backend: Any):
        self.read, self.dtype, self.backend = read, dtype, backend

    def tensor(self, args: list[Tensor]) -> Tensor | None:
        return from_array(self.backend, self.backend.asarray(np.asarray(self.read(), self.dtype)))


_SLOTS = ("_array", "_backend", "_node", "_requires_grad", "_view", "_cell")


class Touched:
    """A tensor that was taken in: how it was, and what it is in the graph."""

    def __init__(self, tensor: Tensor, source: Source):
        self.tensor, self.source = tensor, source
        self.before = tuple(getattr(tensor, slot) for slot in _SLOTS)
        self.version = tensor._version
        self.has_grad = "_grad" in tensor.__dict__
        self.grad = tensor.__dict__.get("_grad")
        self.tracked = False
        self.read_grad = False
        if self.grad is None:  # so that an absent `_grad` tells that the function set none
            tensor.__dict__.pop("_grad", None)
        self.symbol: Symbol | None = None
        self.at: int | None = (
            None  # its place among the graph's inputs, where it has one of its own
        )

    @property
    def grad_is_new(self) -> bool:
        now = self.tensor.__dict__.get("_grad", _ABSENT)
        return now is not (_ABSENT if self.grad is None else self.grad)

    def restore(self) -> None:
        tensor = self.tensor
        for slot, value in zip(_SLOTS, self.before):
            setattr(tensor, slot, value)
        if tensor._cell is not None:
            tensor._cell[0] = self.version
        if self.has_grad:
            tensor.__dict__["_grad"] = self.grad
        else:
            tensor.__dict__.pop("_grad", None)


_ABSENT: Any = object()


class Capture(Mode):
    """The mode of a thread while it captures; `graph` grows with each op."""

    stages = True

    def __init__(self, arguments: list[Tensor], names: dict[int, str]):
        self.graph = Graph()
        self.arguments = {id(t): i for i, t in enumerate(arguments)}
        self.names = names
        self.touched: dict[int, Touched] = {}
        self.owners: dict[int, Touched] = {}  # by id of the array
        self.ranges: Ranges[Storage] = Ranges()  # of the owners
        self.sources: list[Source] = []
        #: (shape, dtype, strides) of results, by op and what they depend on.
        self.inferred: dict[Any, list[tuple[Any, ...] | None]] = {}
        self.symbols: list[weakref.ref[Symbol]] = []
        self.problem: str | None = None  # why a replay could not be differentiated
        self.scalars: dict[Any, Value] = {}
        self.made_state: list[tuple[dict[Any, Any], Any]] = []  # as (container, key)
        self.on_tape: dict[int, Value] = {}  # by id of the tape's node: the value that it made
        self.kept_tape: list[Any] = []  # so that no id is used twice
        self.region: Any = None  # of a branch or loop that is being recorded, and how deep it is
        self.depth = 0
        self.root: list[Node] = self.graph.nodes
        self._written: Value | None = None
        self._base: Tensor | None = None
        self._write_mask = 0

    # ---- the mode

    def __enter__(self) -> Capture:
        active.capture = self
        self.push()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.pop()

    def close(self) -> None:
        """Puts back every tensor that was taken in."""
        for t in self.touched.values():
            t.restore()
        self.touched.clear()
        self.inferred.clear()
        self.owners.clear()
        self.ranges = Ranges()
        self.on_tape.clear()
        self.kept_tape.clear()
        self._base = None
        active.capture = None

    def run(self, op: Op, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
        """Stages one op, and notes through which of its inputs the tape follows gradients."""
        flat = flatten(ins) if op.has_lists else ins
        tensors = [x for x in flat if isinstance(x, Tensor)]
        self.touch(*tensors)
        if is_grad_enabled():
            for x in tensors:
                if is_tracked(x):
                    self._follow(x)
        if self.region is not None:
            ins = self.region.enter(ins)
        if op.name == "to_backend":
            opts = (trace_of(opts[0]), trace_of(opts[1]), *opts[2:])
        start = len(self.graph.nodes)
        result = super().run(op, ins, opts)
        self._note_edges(op, result, self.graph.nodes[start:])
        return result

    def enter(self, op: Op, args: tuple[Any, ...], tensors: list[Tensor]) -> Any:
        """A composite op is about to be expanded; one that the device updates in place stays whole."""
        self.touch(*tensors)
        if not tensors:
            return NotImplemented
        trace = trace_of(tensors[0]._backend)
        if op.dynamic:
            getattr(trace, op.name)()
        if (
            op.has_lists
            or op.name not in trace.below.inplace_kernels
            or (is_grad_enabled() and any(map(is_tracked, tensors)))
        ):
            return NotImplemented
        results = trace.stage(op, *[a._array if isinstance(a, Tensor) else a for a in args])
        made: list[Any] = [None if r is None else from_array(trace, r) for r in results]
        return op.result(*made)

    def touch(self, *tensors: Any) -> None:
        for t in tensors:
            if not isinstance(t._backend, TraceBackend):
                self.take(t)

    def write(self, target: Tensor, source: Tensor) -> None:
        """`source` is about to be written into `target`."""
        self.touch(target, source)
        self._settle_write()
        if is_grad_enabled():
            base = self._base = target if target._view is None else target._view.base
            for t in (base, source):
                if is_tracked(t):
                    self._follow(t)
            self._base = base
            self._write_mask = (1 if base._requires_grad else 0) | (2 if is_tracked(source) else 0)

    def become_view(self, tensor: Tensor, name: str) -> None:
        self.touch(tensor)
        if id(tensor) in self.touched:  # a graph gives values back, not shapes
            raise refuse(
                f"a tensor from outside the function got another shape by {name}()",
                f"use {name[:-1]}(), and give the result back",
            )

    def write_mask(self) -> int:
        mask, self._write_mask = self._write_mask, 0
        return mask

    def touch_grad(self, tensor: Tensor, reads: bool) -> None:
        """`tensor.grad` is about to be read or set."""
        self.touch(tensor)
        touched = self.touched.get(id(tensor))
        if touched is None or touched.grad_is_new or not reads:
            return
        touched.read_grad = True
        if touched.grad is not None and id(touched.grad) not in self.touched:
            self.take(touched.grad, GradOf(touched.source))

    def backend(self, backend: Any) -> Any:
        return trace_of(backend)

    # ---- inputs

    def take(self, tensor: Tensor, source: Source | None = None) -> Touched:
        """Takes in a tensor that is there already: its array becomes a symbol."""
        if self.depth:  # whatever region touches it first, it is of the outside
            depth, nodes = self.depth, self.graph.nodes
            self.depth, self.graph.nodes = 0, self.root
            try:
                return self.take(tensor, source)
            finally:
                self.depth, self.graph.nodes = depth, nodes
        if source is None:
            at = self.arguments.get(id(tensor))
            source = Held(tensor) if at is None else Argument(at)
        above, state.mode = state.mode, self.below  # above: autocast, say
        try:
            tracked = is_tracked(tensor)
        finally:
            state.mode = above
        if tensor._view is not None and isinstance(source, Held):
            return self._take_view(tensor, source)
        touched = self.touched[id(tensor)] = Touched(tensor, source)
        touched.tracked = tracked
        array, backend = tensor._array, tensor._backend
        owner = self.owners.get(id(array))
        if owner is None:
            self.owners[id(array)] = touched
            touched.at = len(self.graph.inputs)
            value = self.graph.add_input(
                array.shape,
                array.dtype,
                backend.strides(array),
                backend,
                self._name(tensor, source),
            )
            self.sources.append(source)
            touched.symbol = Symbol(value, trace_of(backend))
            self._note_alias(touched)
        else:
            touched.symbol = owner.symbol
        tensor._array, tensor._backend = touched.symbol, trace_of(backend)
        tensor._node, tensor._view, tensor._requires_grad = None, None, tracked
        return touched

    def _take_view(self, tensor: Tensor, source: Held) -> Touched:
        view = tensor._view
        assert view is not None
        touched = self.touched[id(tensor)] = Touched(tensor, source)
        self.touch(view.base)
        symbol = view.base._array
        for op, options in view.chain:
            symbol = getattr(symbol.xp, op.name)(symbol, *options)
        touched.symbol = tensor._array = symbol
        tensor._backend = symbol.xp
        # The tape follows it from the base anew.
        tensor._view = type(view)(view.base, view.before, view.op, view.options, -1)
        return touched

    def _note_alias(self, touched: Touched) -> None:
        """Marks storages that are over the same memory."""
        assert touched.symbol is not None
        array, backend, *_, cell = touched.before
        storage, span = touched.symbol.storage, span_of(array, backend, cell)
        for other in self.ranges.add(span, storage):
            if other.writes:
                raise shared_write()
            other.aliased = storage.aliased = True

    def _name(self, tensor: Tensor, source: Source) -> str:
        if isinstance(source, GradOf):
            return f"grad{len(self.graph.inputs)}"
        known = self.names.get(id(tensor))
        return (
            known or f"{'arg' if isinstance(source, Argument) else 'state'}{len(self.graph.inputs)}"
        )

    def runtime_scalar(self, read: Callable[[], Any], dtype: Any, key: Any = None) -> Tensor:
        """A 0-d tensor whose value is `read()` at each replay; the same one for the same `key`."""
        from facula.backends.registry import default_backend

        found = self.scalars.get((key, dtype)) if key is not None else None
        trace = trace_of(default_backend())
        if found is None:
            found = self.graph.add_input(
                (), dtype, (), trace.below, f"scalar{len(self.graph.inputs)}"
            )
            self.sources.append(Scalar(read, dtype, trace.below))
            self.graph.scalars[found] = read
            self.scalars[key, dtype] = found
        return from_array(trace, Symbol(found, trace))

    def state_before(self, holder: dict[Any, Any], key: Any, make: Callable[[Any], Any], tensor: Any) -> Any:  # fmt: skip
        """State that depends on nothing that the function computes is no result of it: so its first run is like all later ones."""
        self.touch(tensor)
        touched = self.touched.get(id(tensor))
        if touched is None or self.depth:
            return make(tensor)
        array, backend = touched.before[:2]
        self.made_state.append((holder, key))
        above, state.mode = state.mode, self.below
        try:
            return make(from_array(backend, array))
        finally:
            state.mode = above

    def random_key(self, generator: Any, blocks: int) -> Any:
        """What a random op takes as its key: at each replay the next one of the generator."""
        found = Runtime(lambda: generator.take(blocks), f"key{len(self.graph.options)}")
        self.graph.options.append(found)
        return found

    def seed(self, generator: Any, seed: int) -> None:
        """Has each replay start a generator's stream anew, in its place among the keys that it takes."""
        found = Runtime(lambda: generator.start(seed).take(0), f"key{len(self.graph.options)}")
        self.graph.options.append(found)

    # ---- what the tape recorded

    def _note_edges(self, op: Op, result: Any, nodes: list[Node]) -> None:
        outs = [
            o for o in (result if isinstance(result, tuple) else (result,)) if isinstance(o, Tensor)
        ]
        tape = next((o._node for o in outs if o._node is not None), None)
        tape = tape.node if tape.__class__ is Output else tape
        if tape is None or tape.op is not op:
            return
        for node in nodes:
            if node.op is not op:
                node.mask = -1 if node.inputs else 0  # casts about the op, and scalars made arrays
                continue
            node.mask = 0
            for i, edge in enumerate(tape.edges):
                node.mask |= (edge is not None) << i
        for o in outs:
            if o._node is not None:
                value = o._array.current()
                if value.node in nodes:
                    value.tape = o._node
                self.on_tape[id(o._node)] = value
                self.kept_tape.append(o._node)

    def note_write(self, value: Value) -> None:
        """`value` is what the written base holds now; the tape gets its node for it right after."""
        self._written = value

    def _settle_write(self) -> None:
        value, base = self._written, self._base
        self._written = self._base = None
        if value is not None and base is not None and base._node is not None:
            value.tape = base._node
            self.on_tape[id(base._node)] = value

    def _follow(self, x: Tensor) -> None:
        """Makes the values between a tracked tensor and what the tape recorded be recorded at a replay."""
        self._settle_write()
        if x._view is not None:
            self._follow(x._view.base)
            value = x._array.current()
            while value.node.op.view and value.node.mask == 0:
                value.node.mask = -1
                value = value.node.inputs[0]
            return
        edge = x._node or x
        value = newest = x._array.current()
        while value.tape is None and (value.node.op.view or value.node.op.name in _PASSING):
            value.node.mask = -1
            value = value.node.inputs[0]
        if value.tape is edge or value is self.on_tape.get(id(edge)):
            return
        if edge is x:
            self._follow_leaf(x, newest)
        elif id(edge) in self.on_tape:
            self._renew(x._array, self.on_tape[id(edge)], newest, edge)
        else:
            self.problem = self.problem or (
                f"a gradient was defined in Python for the result of '{value.node.name}' (autograd.Function)"
            )

    def _follow_leaf(self, leaf: Tensor, newest: Value) -> None:
        touched = self.touched.get(id(leaf))
        if touched is None or (newest.node.op is INPUT and touched.at is not None):
            return
        if touched.at is not None:
            taped = self.graph.inputs[touched.at]
        else:  # it shares the array of another input, to which gradients must not go
            array, backend = touched.before[0], touched.before[1]
            taped = self.graph.add_input(
                array.shape,
                array.dtype,
                backend.strides(array),
                backend,
                f"leaf{len(self.graph.inputs)}",
            )
            self.sources.append(touched.source)
        self._renew(leaf._array, taped, newest, leaf)

    def _renew(self, symbol: Symbol, taped: Value, newest: Value, edge: Any) -> None:
        """Memory was written behind the tape's back: the newest value, with the gradient of the taped one."""
        if symbol.storage.depth < self.depth:
            raise refuse(
                f"{self.region.what} differentiates a tensor that was written under no_grad",
                "read it before",
            )
        value = symbol.xp.add_node(OPS["with_value"], (taped, newest))
        value.node.mask, value.tape = 1, edge
        self.on_tape[id(edge)] = value
        symbol.storage.value = value
        symbol.storage.writes += 1


class Outcome:
    """What a captured run left: results, writes, gradients, and tensors kept elsewhere."""

    def __init__(self, capture: Capture, result: Any):
        self.capture, self.graph = capture, capture.graph
        self.storages = {
            id(t.symbol.storage): t
            for t in capture.touched.values()
            if t.symbol is not None and t.at is not None
        }
        self.is_differentiable = False
        # it would be used up after the first call; objects of the user's that can be iterated over are results as others
        if isinstance(result, Iterator) and type(result).__module__ in ("builtins", "itertools"):
            raise CaptureError(
                f"the compiled function returns a {type(result).__name__}, which runs after it; return a list"
            )
        leaves, rebuild = flatten_tree(result)
        leaves, self.rebuild = _each_once(leaves, rebuild)
        self.results = [
            self._result(x) if isinstance(x, Tensor) else ("constant", x) for x in leaves
        ]
        self.grads = [self._grad(t) for t in capture.touched.values() if t.grad_is_new]
        self.none_grads = [
            t.source for t in capture.touched.values() if t.read_grad and t.grad is None
        ]
        self.writes = [
            (t.at, self.graph.output(t.symbol.storage.value), t.tensor._node is not None)  # type: ignore[union-attr]
            for t in capture.touched.values()
            if t.at is not None and t.symbol.storage.value is not self.graph.inputs[t.at]  # type: ignore[union-attr]
        ]
        for at, out, tracked in self.writes:
            if not tracked:
                self.graph.updates[self.graph.inputs[at]] = self.graph.outputs[out]
        self.rebinds = [
            (t.source, self.graph.output(t.tensor._array.current()))
            for t in capture.touched.values()
            if t.tensor._array is not t.symbol
        ]
        self.aliases = [
            (t.source, capture.owners[id(t.before[0])].source)
            for t in capture.touched.values()
            if t.at is None and t.before[4] is None
        ]
        self.inputs = [
            (t.at, t.source, t.tracked) for t in capture.touched.values() if t.at is not None
        ]
        self.sources = capture.sources
        self.problem = capture.problem
        self.escaped_tensors: list[tuple[Any, int]] = []
        for node in self.graph.nodes:
            for value in node.outputs:
                if value is not None:
                    value.tape = None  # it would keep the tensors of the function alive
        self._check_outside_tape()

    def _result(self, tensor: Tensor) -> tuple[Any, ...]:
        self.capture.touch(tensor)
        touched = self.capture.touched.get(id(tensor))
        if touched is not None:
            return "same", touched.source
        symbol = tensor._array
        tracked = is_tracked(tensor) and not _is_freed(edge_of(tensor))
        owner = self.storages.get(id(symbol.storage))
        if owner is not None:
            return "view", owner.at, symbol.chain, tracked
        if tracked and tensor._node is not None:
            self.is_differentiable = True
            self.capture._follow(tensor)
        return "value", self.graph.output(symbol.current()), tracked, type(tensor)

    def _grad(self, touched: Touched) -> tuple[Source, Any]:
        grad = touched.tensor.__dict__.get("_grad")
        return touched.source, None if grad is None else self._result(grad)

    def _check_outside_tape(self) -> None:
        for t in self.capture.touched.values():
            if t.before[2] is not None and t.grad_is_new:
                raise refuse(
                    f"backward() reached a tensor of shape {list(t.tensor.shape)} that was computed before the compiled function",
                    "compute it inside, or call backward() outside",
                )

    def find_escaped(self) -> None:
        """Finds the tensors that the function made and kept elsewhere: each becomes an output."""
        references = self.capture.symbols
        self.storages = {}
        if any(r() is not None for r in references):
            gc.collect()
        alive = {id(s): s for s in (r() for r in references) if s is not None}
        nodes = set(self.graph.nodes) | {v.node for v in self.graph.inputs}
        for t in _tensors_over(alive) if alive else ():
            if t._array.current().node not in nodes:
                raise CaptureError(
                    "a tensor that a branch or loop made was kept beyond its end; return it instead"
                )
            self.escaped_tensors.append((weakref.ref(t), self.graph.output(t._array.current())))


def _each_once(
    leaves: list[Any], rebuild: Callable[..., Any]
) -> tuple[list[Any], Callable[..., Any]]:
    """Results without repetition, and what puts them together: one tensor that is returned twice is one again."""
    places = {id(x): k for k, x in reversed(list(enumerate(leaves))) if isinstance(x, Tensor)}
    at = [places.get(id(x), k) for k, x in enumerate(leaves)]
    kept = sorted(set(at))
    if len(kept) == len(leaves):
        return leaves, rebuild
    number = {k: n for n, k in enumerate(kept)}
    order = [number[k] for k in at]

    def rebuild_all(new: Iterator[Any]) -> Any:
        found = list(new)
        return rebuild(iter([found[n] for n in order]))

    return [leaves[k] for k in kept], rebuild_all


def _tensors_over(arrays: dict[int, Any]) -> list[Tensor]:
    """All tensors whose arrays are these, by id: one look at each object is quicker than `gc.get_referrers` of each array."""
    tensors = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
    return [t for t in tensors if id(getattr(t, "_array", None)) in arrays]


def _is_freed(node: Any) -> bool:
    """Whether a backward pass of the function itself has used up the tape behind a result."""
    seen, stack = set(), [node]
    while stack:
        n = stack.pop()
        if not isinstance(n, TapeNode) or id(n) in seen:
            continue
        seen.add(id(n))
        if n.__class__ is Output:
            stack.append(n.node)
            continue
        if n.kept is None:
            return True
        stack.extend(n.edges)
    return False
