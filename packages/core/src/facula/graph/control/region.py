"""A part of a capture that becomes a graph of its own: a branch, or the body of a loop.

While a region is recorded, nodes go to it. What it reads of the outside are its free values; they become
inputs of its graph. The outside is not written from within.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from facula._tensor import Tensor, edge_of, is_tracked
from facula.autograd import grad
from facula.autograd.mode import is_grad_enabled
from facula.autograd.record import from_array
from facula.graph.active import current_capture
from facula.graph.deliver import home
from facula.graph.errors import CaptureError, user_line
from facula.graph.ir import INPUT, Graph, Node, Value, values_in
from facula.graph.replay import generate
from facula.graph.symbol import Symbol
from facula.graph.trace import trace_of
from facula.graph.tree import flatten_tree
from facula.ops._op import OPS
from facula.ops.dims import row_major


class Region:
    """What one run of a function staged. `outputs` are its results' values, `gradients` those of `sources`."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        what: str,
        leaves: Sequence[Tensor] = (),
        needed: Sequence[bool] = (),
    ):
        """`leaves`: placeholders that are the region's own; a gradient is `needed` for the sake of some."""
        self.own = {t._array.current(): t for t in leaves}
        self.needed = any(needed)
        self.capture = current_capture()
        self.made: set[Node] = set()
        self.leaves: set[int] = set()
        self.what = what
        self.nodes: list[Node] = []
        self.options: list[Any] = []
        self.seen: dict[Any, tuple[Value, Tensor, Tensor]] = {}  # what it is, and its leaf here
        self.cotangents: list[Value] = []
        self.sources: list[tuple[Value, Tensor]] = []
        self.gradients: list[Value] = []
        with inside(self.capture, self):
            flat, self.rebuild = flatten_tree(function(*args))
            self.results = [self._tensor(x) for x in flat]
            if self.options:  # the bits of later draws would depend on what runs
                raise CaptureError(
                    f"{what} draws random numbers, or seeds a generator; do that outside, and pass them in{_where()}"
                )
            self.results = list(self.enter(tuple(self.results)))
            # results have memory of their own: a branch may give what it got
            self.outputs = [OPS["clone"].call(t.detach())._array.current() for t in self.results]
            self._differentiate()

    def _tensor(self, x: Any) -> Tensor:
        if isinstance(x, Tensor):
            self.capture.touch(x)
            return x
        raise CaptureError(
            f"{self.what} returned {x!r}, expected tensors (a number is facula.tensor(number))"
            + _where()
        )

    def enter(self, x: Any) -> Any:
        """Arguments of an op with a leaf of the region in the place of each tracked tensor of the outside.

        So gradients end there, and do not run on to what these were made from.
        """
        if x.__class__ is tuple:
            return tuple(map(self.enter, x))
        if not isinstance(x, Tensor) or not is_tracked(x):
            return x
        value, edge = x._array.current(), edge_of(x)
        self.made.update(self.nodes[len(self.made) :])
        if value.node in self.made or value in self.own or id(x) in self.leaves:
            return x
        known = self.seen.get((value, id(edge)))
        if known is None:
            leaf = from_array(x._backend, x._array)
            leaf._requires_grad = True
            self.leaves.add(id(leaf))
            known = self.seen[value, id(edge)] = value, x, leaf
        return known[2]

    def _differentiate(self) -> None:
        """The gradients of all tracked tensors that the region reads, from cotangents yet unknown."""
        tracked = [t for t in self.results if is_tracked(t)]
        if not is_grad_enabled() or not tracked or not (self.seen or self.needed):
            return
        own = [(v, t, t) for v, t in self.own.items() if is_tracked(t)]
        sources = [*own, *self.seen.values()]
        self.sources = [(v, t) for v, t, _ in sources]
        given = []
        for t, value in zip(self.results, self.outputs):
            cotangent = placeholder(value, t._backend.below)
            self.cotangents.append(cotangent._array.current())
            if is_tracked(t):
                given.append(cotangent)
        found = grad(
            tracked, [leaf for *_, leaf in sources], given, allow_unused=True, retain_graph=True
        )
        for (_, t), g in zip(self.sources, found):
            if g is None:
                g = from_array(t._backend, t._backend.full(t._array.shape, 0, t._array.dtype))
            self.gradients.append(OPS["clone"].call(g.detach())._array.current())

    def free_values(self) -> list[Value]:
        """The values of the outside that it reads, in order."""
        own = {v for n in self.nodes for v in n.outputs} | set(self.cotangents)
        used = [v for n in self.nodes for v in values_in(n.args)]
        return list(dict.fromkeys(v for v in used if v not in own))

    def graph(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
        """The nodes that `outputs` need, as a graph of `inputs`."""
        made = Graph()
        new: dict[Value, Any] = {}
        for i, v in enumerate(inputs):
            new[v] = made.add_input(v.shape, v.dtype, v.strides, home(v), f"in{i}")
        for node in self.nodes:
            made.nodes.append(node.copy(new))
        made.outputs = [new[v] for v in outputs]
        made.prune()
        return made

    def describe(self) -> list[str]:
        """The results in words."""
        return [v.describe() for v in self.outputs]


@contextmanager
def inside(capture: Any, region: Region) -> Iterator[None]:
    """Has the capture stage into `region`; what comes before is made ready, so that nothing of it waits to be staged."""
    for symbol in [r() for r in capture.symbols]:
        if symbol is not None:
            symbol.current()
    graph = capture.graph
    before = graph.nodes, graph.options, capture.region
    graph.nodes, graph.options, capture.region = region.nodes, region.options, region
    capture.depth += 1
    if capture.depth == 1:
        capture.root = before[0]
    try:
        yield
    finally:
        capture.depth -= 1
        graph.nodes, graph.options, capture.region = before


def placeholder(like: Value, backend: Any) -> Tensor:
    """A tensor whose value is given when the region's graph is run."""
    node = Node(INPUT, (), backend)
    value = Value(node, 0, like.shape, like.dtype, row_major(like.shape))
    node.outputs.append(value)
    trace = trace_of(backend)
    return from_array(trace, Symbol(value, trace))


def placeholders(like: Sequence[Tensor]) -> list[Tensor]:
    """One for each tensor, of its shape, dtype and device."""
    current_capture().touch(*like)
    return [placeholder(t._array.current(), t._backend.below) for t in like]


def check_carried(
    what: str, init: Sequence[Tensor], body: Region, count: int | None = None
) -> None:
    """Raises CaptureError where a step's carry differs from what it started with."""
    was = [t._array.current().describe() for t in init]
    now = body.describe()[:count]
    if was != now:
        raise CaptureError(
            f"{what} must return what is carried with the shapes and dtypes it started with ({', '.join(was)}), "
            f"got {', '.join(now) or 'nothing'}{_where()}"
        )


def outside(regions: Sequence[Region], more: Sequence[Value] = ()) -> list[Tensor]:
    """One tensor for each free value of the regions, tracked where a gradient goes to it.

    `more` are placeholders, which are not of the outside.
    """
    tensors: dict[Any, Tensor] = {}
    values: list[Value] = []
    for region in regions:
        for value, t in region.sources:
            if value not in more:
                tensors.setdefault((value, id(edge_of(t))), t)
        values.extend(v for v in region.free_values() if v not in more)
    have = {value for value, _ in tensors}
    for value in dict.fromkeys(values):
        if value not in have:
            trace = trace_of(home(value))
            tensors[value, None] = from_array(trace, Symbol(value, trace))
    return list(tensors.values())


def runner(xp: Any, graph: Graph) -> Callable[[Sequence[Any]], list[Any]]:
    """Runs a sub-graph on the backend `xp`."""
    own = all(n.backend is xp for n in graph.nodes)
    code = graph.code() if own else generate(graph, xp)
    return lambda arrays: code(arrays, ())


def no_second(what: str) -> Callable[..., Any]:
    """A rule for what has no gradient."""

    def rule(xp: Any, g: Any) -> Any:
        raise NotImplementedError(what)

    return rule


def gives_tuple(op: Any) -> None:
    """Has `op` return a plain tuple, of any number of tensors."""
    op.__dict__["result"] = lambda *parts: parts


def _where() -> str:
    line = user_line()
    return f", at {line}" if line else ""
