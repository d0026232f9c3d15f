"""What is done to a graph before it is replayed: equal nodes joined, dead ones dropped, writes in place found."""

from __future__ import annotations

from typing import Any

from facula.graph.ir import Graph, Node, Value, values_in

#: Leaves without promotion whose result has memory of its own.
_FRESH = frozenset(("full", "sequence", "clone", "write_view", "random_words"))


def simplify(graph: Graph) -> None:
    """Joins nodes that compute the same and drops those that nothing needs."""
    join_equal_nodes(graph)
    graph.prune()


def join_equal_nodes(graph: Graph) -> None:
    """Computes once what several nodes compute from the same values (nothing in a graph is written)."""
    known: dict[Any, Node] = {}
    instead: dict[Value, Value | None] = {}
    kept = []
    for node in graph.nodes:
        node.args = _replaced(node.args, instead)
        key = (node.op, node.backend, node.mask, id(node.leaf), _key(node.args))
        first = known.setdefault(key, node)
        if first is node:
            kept.append(node)
        else:
            instead.update(
                (old, new) for old, new in zip(node.outputs, first.outputs) if old is not None
            )
    graph.nodes = kept
    graph.outputs = [instead.get(v, v) for v in graph.outputs]  # type: ignore[misc]


def _key(a: Any) -> Any:
    if isinstance(a, (tuple, list)):
        return tuple(map(_key, a))
    if isinstance(a, (bool, int, float, complex, str)):
        return type(a), repr(a)
    return id(a)


def _replaced(a: Any, instead: dict[Value, Any]) -> Any:
    if a.__class__ is Value:
        return instead.get(a, a)
    if a.__class__ is tuple:
        return tuple(_replaced(x, instead) for x in a)
    return a


def owns_result(node: Node) -> bool:
    """Whether the node's result has memory of its own, on every backend."""
    op = node.op
    return op.name in _FRESH or (
        bool(getattr(op, "leaf", False)) and op.promote is not None and not op.alias
    )


def writes_in_place(graph: Graph) -> set[Node]:
    """The `write_view` nodes that may write into their input: nothing reads it, or a view of it, later.

    Without this the gradients of T slices would cost T copies of the whole.
    """
    last: dict[Value, int] = {}
    over: dict[Value, set[Value]] = {}  # the values whose memory a value may lie in
    for i, node in enumerate(graph.nodes):
        inputs = list(values_in(node.args))
        below = set() if owns_result(node) else {b for v in inputs for b in over.get(v, {v})}
        for value in inputs:
            last[value] = i
        for out in node.outputs:
            if out is not None:
                over[out] = below | {out}
    for value in graph.outputs:
        last[value] = len(graph.nodes)
    ends: dict[Value, int] = {}  # when the last value over some memory was read
    for value, bases in over.items():
        for base in bases:
            ends[base] = max(ends.get(base, -1), last.get(value, -1))
    return {
        node
        for i, node in enumerate(graph.nodes)
        if node.op.name == "write_view"
        and owns_result(node.args[0].node)
        and ends.get(node.args[0], len(graph.nodes)) == i
        and node.args[0] not in over.get(node.args[1], ())
    }
