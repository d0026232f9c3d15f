"""Replays a graph: as straight-line Python over raw kernels, or op by op through the recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.mode import around
from facula.backends.base import Backend
from facula.graph.ir import CONSTANT, Graph, Node, Runtime, Value, values_in
from facula.graph.passes import writes_in_place, written_arguments

#: Where the kernel of an op gives one device's array for another's: replayed on one backend it is a no-op.
_MOVES = frozenset(("to_backend",))


def generate(
    graph: Graph, backend: Any = None, is_watched: bool = False
) -> Callable[[Sequence[Any], Sequence[Any]], list[Any]]:
    """`run(arrays, options) -> arrays`, one line for each node; values are freed after their last use.

    With `backend` everything runs there; without, each node where it was captured.
    """
    return _Printer(graph, backend, is_watched).function()


def _watched(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return around(name, lambda: kernel(*args))

    return call


class _Printer:
    def __init__(self, graph: Graph, backend: Any, is_watched: bool):
        self.graph, self.backend, self.is_watched = graph, backend, is_watched
        self.scope: dict[str, Any] = {}
        self.names: dict[Value, str] = {}
        self.lines: list[str] = []
        self.tables: dict[int, str] = {}

    def function(self) -> Callable[..., Any]:
        graph = self.graph
        for i, value in enumerate(graph.inputs):
            self.names[value] = f"a{i}"
        self.option_names = {o: f"s{i}" for i, o in enumerate(graph.options)}
        if graph.inputs:
            self.lines.append(", ".join(f"a{i}" for i in range(len(graph.inputs))) + ", = arrays")
        if graph.options:
            self.lines.append(", ".join(self.option_names.values()) + ", = options")
        dying = last_uses(graph)
        in_place = writes_in_place(graph, into_inputs=self.backend is None)
        for node in graph.nodes:
            if node in in_place:
                self.write(node)
            else:
                self.node(node)
            dead = [self.names[v] for v in dying[node] if v in self.names]
            if dead:
                self.lines.append("del " + ", ".join(dead))
        self.lines.append(f"return [{', '.join(self.names[v] for v in graph.outputs)}]")
        source = "def run(arrays, options=()):\n    " + "\n    ".join(self.lines) + "\n"
        exec(compile(source, "<facula graph>", "exec"), self.scope)
        self.scope["run"].source = source
        return self.scope["run"]  # type: ignore[no-any-return]

    def node(self, node: Node) -> None:
        targets = []
        for value in node.outputs:
            if value is not None:
                self.names[value] = f"v{len(self.names)}"
            targets.append("_" if value is None else self.names[value])
        backend = self.backend or node.backend
        if node.op is CONSTANT:
            self.lines.append(f"{targets[0]} = {self.constant(_constant(node, backend))}")
            return
        if self.backend is not None and node.op.name in _MOVES:
            self.lines.append(f"{targets[0]} = {self.text(node.args[0])}")
            return
        kernel = self.kernel(node.op.name, getattr(backend, node.op.name))
        own = None if node.op.name in _MOVES else backend
        call = f"{kernel}({', '.join(self.argument(a, own) for a in node.args)})"
        several = bool(node.op.outputs) or len(targets) > 1
        self.lines.append(f"{', '.join(targets)}{',' if several else ''} = {call}")
        if backend.wrap.__func__ is not Backend.wrap and node.op.name not in _MOVES:
            for value in node.outputs:
                if value is not None and value.shape == ():  # kernels may give scalars there
                    name, array = self.names[value], self.constant(backend.Array)
                    self.lines.append(
                        f"if {name}.__class__ is not {array}: {name} = {self.constant(backend.wrap, 'wrap')}({name})"
                    )

    def write(self, node: Node) -> None:
        """A node whose written arguments nobody needs any more: they are written where they are."""
        backend = self.backend or node.backend
        if node.op.name == "write_view":
            base, value, chain = node.args
            place = self.text(base)
            for op, options in chain:
                place = f"{self.constant(getattr(backend, op.name), op.name)}({', '.join([place, *map(self.text, options)])})"
            self.lines.append(
                f"{self.constant(backend.write, 'write')}({place}, {self.text(value)})"
            )
        else:
            kernel = self.kernel(node.op.name, backend.inplace_kernels[node.op.name])
            self.lines.append(f"{kernel}({', '.join(map(self.number_or_array, node.args))})")
        for argument, out in written_arguments(node):
            self.names[out] = f"v{len(self.names)}"
            self.lines.append(f"{self.names[out]} = {self.text(argument)}")

    def kernel(self, name: str, function: Callable[..., Any]) -> str:
        return self.constant(_watched(name, function) if self.is_watched else function, name)

    def argument(self, a: Any, backend: Backend | None) -> str:
        """Numbers that Python owns are arrays of the default device: on another they are made anew."""
        read = self.graph.scalars.get(a) if a.__class__ is Value and self.backend is None else None
        if read is None or backend is None or a.node.backend is backend:
            return self.text(a)
        full, dtype = self.constant(backend.full, "full"), self.constant(a.dtype, "dtype")
        return f"{full}((), {self.constant(read, 'read')}(), {dtype})"

    def number_or_array(self, a: Any) -> str:
        """In-place kernels take numbers that Python owns as they are, not rounded to an array's dtype."""
        read = self.graph.scalars.get(a) if a.__class__ is Value else None
        return self.text(a) if read is None else f"{self.constant(read, 'read')}()"

    def text(self, a: Any) -> str:
        """An argument as source: a local variable, a literal or a named constant."""
        if a.__class__ is Value:
            return self.names[a]
        if a.__class__ is Runtime:
            return self.option_names[a]
        if a.__class__ in (tuple, list) and any(True for _ in _variables(a)):
            return "(" + "".join(self.text(x) + ", " for x in a) + ")"
        if a is None or a.__class__ in (bool, int, str):
            return repr(a)
        return self.constant(a)

    def constant(self, a: Any, hint: str = "c") -> str:
        name = self.tables.get(id(a)) if not hasattr(a, "__self__") else None
        if name is None:
            name = f"{hint}_{len(self.scope)}"
            self.scope[name] = a
            self.tables[id(a)] = name
        return name


def _variables(a: Any) -> Any:
    for x in a:
        if x.__class__ is Value or x.__class__ is Runtime:
            yield x
        elif x.__class__ in (tuple, list):
            yield from _variables(x)


def last_uses(graph: Graph) -> dict[Node, list[Value]]:
    """For each node, the values that nothing after it reads: arguments, and results never read."""
    last: dict[Value, Node] = {}
    for node in graph.nodes:
        for value in node.outputs:
            if value is not None:
                last[value] = node
        for value in values_in(node.args):
            last[value] = node
    outputs = set(graph.outputs)
    dying: dict[Node, list[Value]] = {n: [] for n in graph.nodes}
    for value, node in last.items():
        if value not in outputs:
            dying[node].append(value)
    return dying


def _is_own(array: Any, backend: Any) -> bool:
    """Whether an array is one of `backend`; those of raw devices are of one type, and say whose they are."""
    return isinstance(array, backend.Array) and getattr(array, "xp", backend) is backend


def _constant(node: Node, backend: Any) -> Any:
    array = node.args[0]
    if backend is node.backend or _is_own(array, backend):
        return array
    import numpy as np

    return backend.asarray(np.asarray(node.backend.to_numpy(array)))
