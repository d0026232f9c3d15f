"""How a pass changes a graph: values in the place of others, nodes that are added in between."""

from __future__ import annotations

from typing import Any

from facula.backends.meta import MetaArray
from facula.backends.registry import backend_for
from facula.graph.ir import Graph, Node, Value, replaced
from facula.ops._op import OPS


class Rewriter:
    """Goes over the nodes once. `rule(node, add)` returns a value in the place of the node's only one, or None.

    `add(op name, *args)` puts a node before it, and returns its value, or values. Outputs keep memory of their own: they are never
    replaced by an input, a constant or a view.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.instead: dict[Value, Value] = {}
        self.nodes: list[Node] = []

    def run(self, rule: Any) -> int:
        """Returns how many values were replaced."""
        graph = self.graph
        outputs = set(graph.outputs)
        for node in graph.nodes:
            node.args = replaced(node.args, self.instead)
            new = rule(node, self.add_like(node)) if len(node.outputs) == 1 else None
            old = node.outputs[0]
            if new is not None and old is not None and _serves(new, old, old in outputs):
                self.instead[old] = new
            else:
                self.nodes.append(node)
        graph.nodes = self.nodes
        graph.outputs = [self.instead.get(v, v) for v in graph.outputs]
        graph.updates = {k: self.instead.get(v, v) for k, v in graph.updates.items()}
        return len(self.instead)

    def add_like(self, node: Node) -> Any:
        def add(name: str, *args: Any) -> Any:
            made = Node(OPS[name], args, node.backend)
            meta: Any = backend_for("meta")
            results = getattr(meta, name)(*[_as_meta(meta, a) for a in args])
            several = results if isinstance(results, tuple) else (results,)
            made.outputs += [
                None if x is None else Value(made, i, x.shape, x.dtype, x.strides)
                for i, x in enumerate(several)
            ]
            self.nodes.append(made)
            return tuple(made.outputs) if isinstance(results, tuple) else made.outputs[0]

        return add


def _as_meta(meta: Any, a: Any) -> Any:
    return MetaArray(a.shape, a.dtype, a.strides, meta) if a.__class__ is Value else a


def _serves(new: Value, old: Value, is_output: bool) -> bool:
    same = (new.shape, new.dtype, new.strides) == (old.shape, old.dtype, old.strides)
    # what was computed for it has memory of its own
    own = not new.node.op.alias and bool(new.node.op.parameters)
    return same and (own or not is_output)
