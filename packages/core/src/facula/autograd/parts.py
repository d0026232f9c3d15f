"""What stands for the op of a node that cut a tensor into parts: their gradients, side by side, are the tensor's."""

from __future__ import annotations

from typing import Any


def joined(node: Any, gradients: list[Any], xp: Any) -> Any:
    """The gradient of the whole; zeros for parts that nothing came for."""
    shape, dtype, dim, sizes = node.options
    gradients = gradients + [None] * (len(sizes) - len(gradients))
    for i, size in enumerate(sizes):
        if gradients[i] is None:
            gradients[i] = xp.full((*shape[:dim], size, *shape[dim + 1 :]), 0, dtype)
    return xp.join(tuple(gradients), dim)


class Parts:
    """Nodes of it have the options (shape of the whole, dtype, dim, sizes of the parts)."""

    name = "split"
    view, holomorphic, rules, outputs = False, True, (), ()

    def backward(self, node: Any, gradients: list[Any], run: Any) -> list[tuple[int, Any]]:
        return [(0, joined(node, gradients, run.namespace(node.backend)))]


PARTS: Any = Parts()
