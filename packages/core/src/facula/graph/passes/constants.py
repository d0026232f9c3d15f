"""What is computed from constants alone is computed once, at capture, on the device's own kernels."""

from __future__ import annotations

import math
from typing import Any

from facula.graph.ir import CONSTANT, Graph, Node, Value, values_in

#: Numbers in a result up to which it is kept: larger ones are cheaper to make than to read.
_MOST = 4096


def fold_constants(graph: Graph) -> int:
    """Returns how many nodes became constants."""
    known: dict[Value, Any] = {}
    folded = 0
    for i, node in enumerate(graph.nodes):
        if node.op is CONSTANT:
            known[node.outputs[0]] = node.args[0]  # type: ignore[index]
        elif _is_foldable(node, known):
            array = _computed(node, known)
            value = node.outputs[0]
            if array is None or value is None or node.backend.strides(array) != value.strides:
                continue
            known[value] = array
            made = Node(CONSTANT, (array,), node.backend)
            made.outputs, value.node = [value], made
            graph.nodes[i] = made
            folded += 1
    return folded


def _is_foldable(node: Node, known: dict[Value, Any]) -> bool:
    inputs = list(values_in(node.args))
    if not inputs or len(node.outputs) != 1 or node.outputs[0] is None:
        return False
    op = node.op
    return (
        all(v in known for v in inputs)
        and math.prod(node.outputs[0].shape) <= _MOST
        and not (op.random or op.dynamic or op.view or op.alias or op.outputs)
        and op.name not in ("to_backend", "write_view")
        and op.name not in node.backend.inplace_kernels
    )


def _computed(node: Node, known: dict[Value, Any]) -> Any:
    def array(a: Any) -> Any:
        if a.__class__ is Value:
            return known[a]
        return tuple(map(array, a)) if a.__class__ is tuple else a

    try:
        found = getattr(node.backend, node.name)(*map(array, node.args))
    except Exception:  # an index out of range and the like: to be raised when it runs
        return None
    return found if isinstance(found, node.backend.Array) else node.backend.wrap(found)
