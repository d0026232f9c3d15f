"""The trace backend: it stands on a device's backend, and its kernels add nodes to the graph.

Every op that is one tape node, or says that it stays whole, becomes one graph node; the bodies of all others are expanded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from facula.backends.base import Backend
from facula.backends.meta import MetaArray, bind_arguments
from facula.backends.registry import backend_for
from facula.graph.active import current_capture
from facula.graph.errors import refuse
from facula.graph.ir import INPUT, Graph, Node, Runtime, Value, sub_graphs
from facula.graph.symbol import Symbol, shared_write
from facula.ops._op import OPS, Op
from facula.ops.dims import row_major


class TraceBackend(Backend):
    """Arrays are `Symbol`s; `below` is the backend that a replay runs on."""

    Array = Symbol

    def __init__(self, below: Any):
        super().__init__(below.device)
        self.below = below
        self.meta: Any = backend_for("meta")

    def __getattr__(self, name: str) -> Any:
        op = OPS.get(name)
        if op is None:
            raise AttributeError(name)
        self.bind(op)
        return self.__dict__[name]

    def _resolve(self, op: Op) -> Callable[..., Any]:
        return self.kernel(op) or partial(op.body, self)  # type: ignore[arg-type, misc]

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        if op.name == "to_backend":
            return self._move
        if op.dynamic:
            return partial(_refuse_dynamic, op)
        is_whole = op.is_node if op.whole is None else op.whole
        return partial(self.stage, op) if is_whole else None

    # ---- staging

    def stage(self, op: Op, *args: Any, **named: Any) -> Any:
        """Adds a node; returns a symbol, or a tuple of them for an op of several outputs."""
        args = bind_arguments(op, args, named)
        if op.view and isinstance(args[0], Symbol):
            return self._stage_view(op, args[0], args[1:])
        node = self._node(op, self.lift(args))
        symbols = [None if v is None else Symbol(v, self) for v in node.outputs]
        return tuple(symbols) if op.outputs or len(symbols) != 1 else symbols[0]

    def _stage_view(self, op: Op, source: Symbol, options: tuple[Any, ...]) -> Symbol:
        value = self.add_node(op, (source.current(), *options))
        return Symbol(value, self, source.storage, (*source.chain, (op, options)))

    def add_node(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Adds a node of one output on values; returns its value."""
        return self._node(op, args).outputs[0]

    def _node(self, op: Op, args: tuple[Any, ...]) -> Node:
        graph = current_capture().graph
        node = Node(op, args, self.below)
        for i, found in enumerate(self._inferred(op, args)):
            node.outputs.append(None if found is None else Value(node, i, *found))
        graph.nodes.append(node)
        return node

    def _inferred(self, op: Op, args: tuple[Any, ...]) -> list[tuple[Any, ...] | None]:
        """(shape, dtype, strides) of each result. The layers of a model ask the same over and over: half of a capture's time."""
        known = current_capture().inferred
        key = (op, *map(_inferred_from, args))
        try:
            found = known.get(key)
        except TypeError:  # an option that cannot be hashed: a slice, an array
            return self._infer(op, args)
        if found is None:
            found = known[key] = self._infer(op, args)
        return found  # type: ignore[no-any-return]

    def _infer(self, op: Op, args: tuple[Any, ...]) -> list[tuple[Any, ...] | None]:
        results = getattr(self.meta, op.name)(*[self._as_meta(a) for a in args])
        several = results if isinstance(results, (tuple, list)) else (results,)
        return [None if r is None else (r.shape, r.dtype, r.strides) for r in several]

    def _as_meta(self, a: Any) -> Any:
        if a.__class__ is Value:
            return MetaArray(a.shape, a.dtype, a.strides, self.meta)
        if a.__class__ is tuple or a.__class__ is list:
            return type(a)(map(self._as_meta, a))
        return 0 if a.__class__ is Runtime else a

    def lift(self, a: Any) -> Any:
        """Arguments with the value of each symbol in its place, and arrays from outside as constants."""
        if a.__class__ is Symbol:
            return a.current()
        if a.__class__ is tuple or a.__class__ is list:
            return tuple(map(self.lift, a))
        if isinstance(a, (self.below.Array, np.ndarray, np.generic)):
            return self.asarray(a).current()
        return a

    # ---- what a backend supplies

    def asarray(self, array: Any) -> Symbol:
        if isinstance(array, Symbol):
            return array
        if not isinstance(array, self.below.Array):
            array = self.below.asarray(np.array(array))
        strides = self.below.strides(array)
        graph = current_capture().graph
        return Symbol(
            graph.add_constant(array, array.shape, array.dtype, strides, self.below), self
        )

    def to_numpy(self, array: Any) -> Any:
        if not isinstance(array, Symbol):
            return self.below.to_numpy(array)
        current_capture()
        found = known(array.current())
        if found is not None:
            return self.below.to_numpy(self.below.copy(found))
        raise refuse(
            f"the values of a tensor of shape {list(array.shape)} were asked for (item(), bool(), numpy(), tolist() or print)",
            "they are known at replay only: choose with facula.where(condition, a, b) or facula.cond, loop with "
            "facula.while_loop or facula.scan, or return the tensor",
        )

    def write(self, target: Symbol, source: Any) -> None:
        source = self.asarray(source)
        value = self._fit(source.current(), target)
        storage, capture = target.storage, current_capture()
        if storage.depth < capture.depth:
            raise refuse(
                f"a tensor from outside was written in {capture.region.what}",
                "return the new value, and write it afterwards",
            )
        if storage.aliased:
            raise shared_write()
        if target.chain:
            value = self.add_node(OPS["write_view"], (storage.value, value, target.chain))
            value.node.mask = capture.write_mask()
            capture.note_write(value)
        storage.value = value
        storage.writes += 1

    def _fit(self, value: Value, target: Symbol) -> Value:
        if value.dtype is not target.dtype:
            value = self.add_node(OPS["cast"], (value, target.dtype))
        if value.shape != target.shape:
            value = self.add_node(OPS["expand"], (value, target.shape))
        if (
            not target.chain
            and value.strides != target.strides
            and target.strides == row_major(target.shape)
        ):
            value = self.add_node(OPS["clone"], (value,))
        return value

    def copy(self, array: Symbol) -> Symbol:
        value = array.current()
        if value.strides != row_major(value.shape):
            return self.clone(array)  # type: ignore[no-any-return]
        return Symbol(value, self)  # values never change: a copy is a storage of its own

    def strides(self, array: Symbol) -> tuple[int, ...]:
        return array.strides  # type: ignore[no-any-return]

    def wrap(self, value: Any) -> Symbol:
        return self.asarray(value)

    def synchronize(self) -> None:
        self.below.synchronize()

    def _move(self, array: Any, backend: Any, source: Any, non_blocking: bool = False) -> Any:
        """`to_backend`: the one op whose result lies on another device."""
        target = trace_of(backend)
        if target is self:
            return array
        args = (self.lift(array), target.below, self.below, non_blocking)
        node = Node(OPS["to_backend"], args, self.below)
        node.outputs.append(Value(node, 0, array.shape, array.dtype, row_major(array.shape)))
        current_capture().graph.nodes.append(node)
        return Symbol(node.outputs[0], target)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<trace over {self.below!r}>"


def known(value: Value) -> Any:
    """The array of a value that depends on nothing but what is the same at each replay; None for any other."""
    nodes: dict[Node, None] = {}
    ahead = [value.node]
    while ahead:
        node = ahead.pop()
        missing = [v.node for v in node.inputs if v.node not in nodes]
        if missing:
            ahead += [node, *missing]
        elif node.op is INPUT or node.op.random or sub_graphs(node):
            return None
        else:
            nodes[node] = None
    graph = Graph()
    graph.nodes, graph.outputs = list(nodes), [value]
    return graph.code()([])[0]


def _inferred_from(a: Any) -> Any:
    """What the shapes and dtypes of results depend on in an argument; 1, 1.0 and True differ."""
    if a.__class__ is Value:
        return a.shape, a.dtype, a.strides
    if a.__class__ is tuple or a.__class__ is list:
        return (a.__class__, *map(_inferred_from, a))
    return Runtime if a.__class__ is Runtime else (a.__class__, a)


def _refuse_dynamic(op: Op, *args: Any, **named: Any) -> Any:
    raise refuse(
        f"'{op.name}': the shape of its result depends on values, which are not known",
        str(op.dynamic),
    )


def trace_of(backend: Any) -> TraceBackend:
    """The trace backend that stands on `backend`, made once."""
    if isinstance(backend, TraceBackend):
        return backend
    found = backend.__dict__.get("_trace")
    if found is None:
        found = backend._trace = TraceBackend(backend)
    return found  # type: ignore[no-any-return]
