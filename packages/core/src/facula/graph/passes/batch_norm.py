"""Batch norm of inference folded into the convolution or linear layer before it.

At capture it is `y * scale + shift` a channel, with `y` the layer's result: `layer(x, weight * scale, bias * scale +
shift)` saves two passes over `y` for one over the weight, so it is done where the weight is the smaller. The fold is part
of the program and computed at each call, from the parameters as they are then: no write to them, by whatever way, is missed.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from facula.graph.ir import Graph, Node, Value, values_in
from facula.graph.passes.rewrite import Rewriter


def fold_batch_norm(graph: Graph) -> int:
    """Returns how many were folded."""
    uses = Counter(v for n in graph.nodes for v in values_in(n.args))
    uses.update(graph.outputs)

    def rule(node: Node, add: Any) -> Value | None:
        found = _pattern(node, uses)
        return None if found is None else _folded(*found, add=add)

    return Rewriter(graph).run(rule)


def _pattern(node: Node, uses: Counter[Value]) -> tuple[Node, Value, Value] | None:
    """(layer, scale, shift) of `layer * scale + shift`, each a channel, where nobody else reads what lies between."""
    if node.name != "add" or not _are_values(node.args[:2]):
        return None
    for scaled, shift in (node.args[:2], node.args[1::-1]):
        product = scaled.node
        if product.name != "mul" or uses[scaled] != 1 or not _are_values(product.args[:2]):
            continue
        for out, scale in (product.args[:2], product.args[1::-1]):
            layer = out.node
            if uses[out] == 1 and _is_layer(layer) and all(_is_channel(v, out) for v in (scale, shift)):  # fmt: skip
                return layer, scale, shift
    return None


def _are_values(args: Any) -> bool:
    return all(a.__class__ is Value for a in args)


def _is_layer(node: Node) -> bool:
    """Whether it is a layer with a channel dimension 1, whose weight is no larger than its result."""
    out = node.outputs[0]
    if out is None or node.name not in ("convolution", "linear"):
        return False
    if node.name == "linear" and len(out.shape) != 2:
        return False
    small = math.prod(node.args[1].shape) <= math.prod(out.shape)
    return small and not node.options.get("transposed", False)


def _is_channel(v: Value, out: Value) -> bool:
    """Whether `v`, broadcast to `out`, has one number for each channel (dimension 1)."""
    shape = (1,) * (len(out.shape) - len(v.shape)) + v.shape
    rest = shape[:1] + shape[2:]
    return v.dtype is out.dtype and shape[1] == out.shape[1] and all(n == 1 for n in rest)


def _folded(layer: Node, scale: Value, shift: Value, add: Any) -> Value:
    x, weight, bias, *options = layer.args
    channels = (weight.shape[0],)
    rows = add("view", scale, (*channels, *[1] * (len(weight.shape) - 1)))
    shift = add("view", shift, channels)
    if bias is not None:
        shift = add("add", add("mul", bias, add("view", scale, channels)), shift)
    return add(layer.name, x, add("mul", weight, rows), shift, *options)  # type: ignore[no-any-return]
