"""The graph: nodes in the order of their execution, values between them, and its text form.

A graph is pure: no node writes into a value. What the captured function wrote in place are outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from facula.dtypes import FROM_NUMPY
from facula.graph.errors import CaptureError
from facula.ops._op import Op


class Value:
    """One result of a node: its shape, dtype and the strides (in elements) it is expected to have."""

    __slots__ = ("dtype", "index", "name", "node", "shape", "strides", "tape")

    def __init__(self, node: Node, index: int, shape: Any, dtype: Any, strides: Any):
        self.node, self.index = node, index
        self.shape, self.dtype, self.strides = shape, dtype, strides
        self.tape: Any = None  # the tape node that made it, where the op was recorded
        self.name = ""

    def describe(self) -> str:
        """'float32[3, 4]'."""
        return f"{FROM_NUMPY[self.dtype].name}{list(self.shape)}"

    def __repr__(self) -> str:
        return f"%{self.name or '?'}: {self.describe()}"


class Runtime:
    """A Python number that an op takes as an option and that is read anew at each replay."""

    __slots__ = ("name", "read")

    def __init__(self, read: Callable[[], Any], name: str):
        self.read, self.name = read, name

    def __repr__(self) -> str:
        return f"%{self.name}"


class Node:
    """One call of an op: `args` by position, with a `Value` for every array.

    `mask` has a bit per input through which a gradient flows: what the tape recorded at capture.
    """

    __slots__ = ("args", "backend", "mask", "op", "outputs")

    def __init__(self, op: Op, args: tuple[Any, ...], backend: Any):
        self.op, self.args, self.backend, self.mask = op, args, backend, 0
        self.outputs: list[Value | None] = []

    @property
    def name(self) -> str:
        return self.op.name

    def copy(self, new: dict[Value, Any]) -> Node:
        """The node with arguments that `new` knows, which gets to know its results."""
        made = Node(self.op, replaced(self.args, new), self.backend)
        made.mask = self.mask
        for v in self.outputs:
            made.outputs.append(v and Value(made, v.index, v.shape, v.dtype, v.strides))
        new.update((a, b) for a, b in zip(self.outputs, made.outputs) if a is not None)
        return made

    @property
    def inputs(self) -> list[Value]:
        """The values it reads, in order."""
        return list(values_in(self.args))

    @property
    def options(self) -> dict[str, Any]:
        """Its options by name."""
        kinds = [p.kind for p in self.op.parameters]
        return {p.name: a for p, a, k in zip(self.op.parameters, self.args, kinds) if k == "option"}


class Source:
    """Stands for the op of a value that no op makes: a graph input or a constant."""

    parameters: tuple[Any, ...] = ()
    is_node = view = alias = random = False

    def __init__(self, name: str):
        self.name = name


INPUT: Any = Source("input")
CONSTANT: Any = Source("constant")


def values_in(args: Any) -> Iterator[Value]:
    """All values in nested arguments."""
    for a in args:
        if a.__class__ is Value:
            yield a
        elif a.__class__ is tuple or a.__class__ is list:
            yield from values_in(a)


def replaced(a: Any, instead: dict[Value, Any]) -> Any:
    """Arguments with other values in the place of some."""
    if a.__class__ is Value:
        return instead.get(a, a)
    if a.__class__ is tuple:
        return tuple(replaced(x, instead) for x in a)
    return a


class Graph:
    """A captured program: `inputs`, `nodes` and `outputs`; `print` it to read it, each value with its type.

    `run(backend, arrays)` executes it on any backend, whichever it was captured on. `run("toy", arrays)` is the
    reference: pure Python, one node after another, by the definition of every kernel.
    """

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.options: list[Runtime] = []
        self.nodes: list[Node] = []
        self.outputs: list[Value] = []
        self.scalars: dict[
            Value, Callable[[], Any]
        ] = {}  # inputs that are numbers read at each replay
        self.updates: dict[
            Value, Value
        ] = {}  # inputs that are written, and what is written into them
        #: Why no compiler made code of it, where one was asked.
        self.why_replayed = ""
        self._code: dict[Any, Callable[..., Any]] = {}

    def add_input(self, shape: Any, dtype: Any, strides: Any, backend: Any, name: str) -> Value:
        value = self._source(INPUT, (), shape, dtype, strides, backend)
        value.name = name
        self.inputs.append(value)
        return value

    def add_constant(self, array: Any, shape: Any, dtype: Any, strides: Any, backend: Any) -> Value:
        value = self._source(CONSTANT, (array,), shape, dtype, strides, backend)
        self.nodes.append(value.node)
        return value

    def _source(
        self, kind: Any, args: Any, shape: Any, dtype: Any, strides: Any, backend: Any
    ) -> Value:
        node = Node(kind, args, backend)
        value = Value(node, 0, tuple(shape), dtype, tuple(strides))
        node.outputs.append(value)
        return value

    def output(self, value: Value) -> int:
        """Makes `value` an output, and returns its place among them."""
        for i, v in enumerate(self.outputs):
            if v is value:
                return i
        self.outputs.append(value)
        return len(self.outputs) - 1

    def prune(self) -> None:
        """Drops the nodes that no output needs, and names the values of the others."""
        needed = set(self.outputs)
        kept = []
        for node in reversed(self.nodes):
            if any(v in needed for v in node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        self.nodes = kept[::-1]
        numbers = iter(range(1_000_000_000))
        for node in self.nodes:
            for value in node.outputs:
                if value is not None:
                    value.name = str(next(numbers))

    def copy(self) -> Graph:
        """The graph with nodes and values of its own."""
        made = Graph()
        new: dict[Value, Any] = {}
        for v in self.inputs:
            new[v] = made.add_input(v.shape, v.dtype, v.strides, v.node.backend, v.name)
        for node in self.nodes:
            made.nodes.append(node.copy(new))
        made.outputs = [new[v] for v in self.outputs]
        made.updates = {new[a]: new[b] for a, b in self.updates.items()}
        made.scalars = {new[v]: read for v, read in self.scalars.items()}
        made.options = list(self.options)
        return made

    @property
    def used_inputs(self) -> set[Value]:
        """The inputs that some node reads or that are outputs."""
        return {v for n in self.nodes for v in n.inputs} | set(self.outputs)

    @property
    def only_backend(self) -> Any:
        """The backend of all nodes and inputs; None where there are several."""
        backends = {n.backend for n in self.nodes} | {v.node.backend for v in self.inputs}
        return next(iter(backends)) if len(backends) == 1 else None

    def run(self, backend: Any, inputs: Sequence[Any], options: Sequence[Any] = ()) -> list[Any]:
        """The outputs for arrays of any kind, computed on `backend` (a device's name, or a Backend).

        `inputs` are NumPy arrays or the backend's own, one for each of `self.inputs`; `options` one
        number for each of `self.options`. Returns the backend's arrays.
        """
        import numpy as np

        from facula.backends.base import Backend
        from facula.backends.registry import backend_for

        target = backend if isinstance(backend, Backend) else backend_for(backend)
        if len(inputs) != len(self.inputs):
            raise ValueError(
                f"the graph has {len(self.inputs)} inputs ({', '.join(v.name for v in self.inputs)}), got {len(inputs)}"
            )
        for value, given in zip(self.inputs, inputs):
            if tuple(given.shape) != value.shape or given.dtype != value.dtype:
                raise ValueError(
                    f"input '{value.name}' is {value.describe()}, got {given.dtype}{list(given.shape)}"
                )
        arrays = [
            a if isinstance(a, target.Array) else target.asarray(np.asarray(a)) for a in inputs
        ]
        return self.code(target)(arrays, options)  # type: ignore[no-any-return]

    def code(self, backend: Any = None, is_watched: bool = False) -> Callable[..., Any]:
        """The replay function for a backend (None: each node on the one it was captured on).

        With `is_watched` each kernel tells its name to the thread's mode, for profiles.
        """
        if (backend, is_watched) not in self._code:
            from facula.graph.replay import generate

            self._code[backend, is_watched] = generate(self, backend, is_watched)
        return self._code[backend, is_watched]

    def forget(self, backend: Any) -> None:
        """Drops the replay function that was made for a backend which goes."""
        self._code.pop(backend, None)

    def __str__(self) -> str:
        types = ", ".join(v.describe() for v in self.outputs)
        lines = [f"graph({', '.join(map(repr, self.inputs))}) -> ({types}) {{"]
        for node in self.nodes:
            results = ", ".join("_" if v is None else repr(v) for v in node.outputs)
            lines.append(f"    {results} = {call_text(node)}")
            for label, inner in sub_graphs(node):
                text = str(inner).splitlines()
                lines.extend([f"        {label}: {text[0]}", *(f"        {x}" for x in text[1:])])
        lines.append(f"    return {', '.join('%' + v.name for v in self.outputs) or 'nothing'}")
        return "\n".join([*lines, "}"])

    def to_svg(self, limit: int = 80) -> str:
        """The text of an SVG picture of the graph, of about `limit` boxes at most: `Path("g.svg").write_text(graph.to_svg())`."""
        from facula.graph.picture import to_svg

        return to_svg(self, limit)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes, {len(self.inputs)} inputs, {len(self.outputs)} outputs>"


def call_text(node: Node) -> str:
    """The call as it is printed: 'add(%0, 1.0)'."""
    if node.op is CONSTANT:
        return "constant()"
    parts = []
    for p, a in zip(node.op.parameters, node.args):
        parts.append(_text(a) if p.kind != "option" else f"{p.name}={_text(a)}")
    return f"{node.name}({', '.join(parts)})"


def sub_graphs(node: Node) -> list[tuple[str, Graph]]:
    """The graphs that a node may run (branches, a loop's body), with what each is."""
    return [pair for a in node.args for pair in getattr(a, "graphs", {}).items()]


def _text(a: Any) -> str:
    if hasattr(a, "graphs"):
        return "{" + ", ".join(a.graphs) + "}"
    if a.__class__ is Value:
        return f"%{a.name}"
    if a.__class__ is tuple or a.__class__ is list:
        return "(" + ", ".join(map(_text, a)) + ("," if len(a) == 1 else "") + ")"
    return a.name if isinstance(a, Op) else str(a)


__all__ = ["CaptureError", "Graph", "Node", "Runtime", "Value"]
