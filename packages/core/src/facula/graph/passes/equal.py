"""Common subexpressions: what several nodes compute alike is computed once."""

from __future__ import annotations

from typing import Any

from facula.graph.ir import Graph, Node, Value, replaced


def join_equal_nodes(graph: Graph) -> None:
    """Computes once what several nodes compute from the same values (nothing in a graph is written)."""
    known: dict[Any, Node] = {}
    instead: dict[Value, Value | None] = {}
    kept = []
    for node in graph.nodes:
        node.args = replaced(node.args, instead)
        key = (node.op, node.backend, node.mask, _key(node.args))
        first = known.setdefault(key, node)
        if first is node:
            kept.append(node)
        else:
            instead.update(
                (old, new) for old, new in zip(node.outputs, first.outputs) if old is not None
            )
    graph.nodes = kept
    graph.outputs = [instead.get(v, v) for v in graph.outputs]  # type: ignore[misc]
    graph.updates = {k: instead.get(v, v) for k, v in graph.updates.items()}  # type: ignore[misc]


def _key(a: Any) -> Any:
    if isinstance(a, (tuple, list)):
        return tuple(map(_key, a))
    if isinstance(a, (bool, int, float, complex, str)):
        return type(a), repr(a)
    return id(a)
