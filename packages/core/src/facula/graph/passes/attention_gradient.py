"""The gradient of attention that is written out, in the graph of a whole training step: which nodes it is, and the op in their place.

Both products with the weights, softmax's gradient between them and what was done to the scores are found by their form. A query that sees
nothing has NaN as its weights, so all values have it as their gradient, and queries and keys too where the mask was added.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from facula.graph.ir import Node, Value

PRODUCTS = "matmul", "bmm"


class Scores(NamedTuple):
    """`product * scale`, with a mask as `dot_attention` takes it, or the opposite of one: `hidden`."""

    product: Node
    scale: float = 1.0
    mask: Value | None = None
    hidden: Value | None = None


class Joined(NamedTuple):
    """What `dot_attention` was given, and gave."""

    query: Value
    key: Value
    value: Value
    mask: Value | None
    scale: float
    output: Value
    logsumexp: Value


class Backward(NamedTuple):
    """The products of a gradient: by the weights (`g @ value.T`), query, key (transposed) and value."""

    by_weights: Node
    to_query: Node
    to_key: Node
    to_value: Node


class Readers:
    """Who reads which values of a graph."""

    def __init__(self, uses: Counter[Value], nodes: Mapping[Value, list[Node]]):
        self.uses, self.nodes = uses, nodes

    def of(self, value: Any, number: int) -> list[Node]:
        """The nodes that read a value that is read so often; none if it is not."""
        found = self.nodes.get(value, [])
        return found if self.uses[value] == len(found) == number else []

    def only(self, value: Any, *names: str) -> Node | None:
        """The one node that reads a value, if it is one of these names."""
        found = self.of(value, 1)
        return found[0] if found and found[0].name in names else None


def backward_of(last: Node, scores: Scores, readers: Readers) -> Backward | None:
    """The gradient of the attention that ends with the product `last`, if all of it is there and nobody reads what lies between."""
    weights, value = last.args
    others = {n.name: n for n in readers.of(weights, 4) if n is not last}
    steps = [n for n in readers.of(weights, 4) if n.name == "mul"]
    if len(steps) != 2 or "permute" not in others:
        return None
    products = _through_softmax(weights, steps, readers)
    if products is None:
        return None
    by_weights, slopes = products
    g, across = by_weights.args
    upright = others["permute"].outputs[0]
    to_value = readers.only(upright, *PRODUCTS)
    if to_value is None or to_value.args[0] is not upright or to_value.args[1] is not g:
        return None
    ends = _ends(_to_product(slopes, scores, readers), scores.product, readers)
    if ends is None or not (is_turned(upright, weights) and is_turned(across, value)):
        return None
    return Backward(by_weights, *ends, to_value)


def _through_softmax(weights: Value, steps: list[Node], readers: Readers) -> tuple[Node, Value] | None:  # fmt: skip
    """Of `weights * (d - sum(d * weights))`: the node of d, a product, and the result."""
    for first, last in (steps, steps[::-1]):
        d, less = _other(first, weights), _other(last, weights)
        if d is None or less is None or less.node.name != "sub" or d.node.name not in PRODUCTS:
            continue
        level = less.node.args[1]
        total = readers.only(first.outputs[0], "sum")
        dims = len(weights.shape) - 1, (len(weights.shape) - 1,)
        if (
            total is not None
            and readers.uses[level] == readers.uses[less] == 1
            and level is total.outputs[0]
            and less.node.args[0] is d
            and total.args[1] in dims
            and total.args[2] is True
            and readers.uses[d] == 2
        ):
            return d.node, last.outputs[0]  # type: ignore[return-value]
    return None


def _other(node: Node, x: Value) -> Value | None:
    a, b = node.args
    found = b if a is x else a
    return found if found.__class__ is Value and found is not x else None


def _to_product(slopes: Any, scores: Scores, readers: Readers) -> Any:
    """The gradient by the product, from that by the scores; None where it is not made as the scores were."""
    condition = scores.hidden if scores.hidden is not None else scores.mask
    if condition is not None and condition.dtype.kind == "b":
        node = readers.only(slopes, "where", "select_where")
        sides = (0, slopes) if scores.hidden is not None else (slopes, 0)
        if node is None or node.args[0] is not condition or not all(map(_same, node.args[1:], sides)):  # fmt: skip
            return None
        slopes = node.outputs[0]
    if scores.scale == 1:
        return slopes
    node = readers.only(slopes, "mul", "div")
    number = None if node is None else node.args[1]
    if node is None or number.__class__ not in (int, float):
        return None
    scale = number if node.name == "mul" else 1 / number
    return node.outputs[0] if scale == scores.scale else None


def _same(a: Any, b: Any) -> bool:
    return a is b if b.__class__ is Value else a.__class__ in (int, float) and a == b


def _ends(slopes: Any, product: Node, readers: Readers) -> tuple[Node, Node] | None:
    """The products that give the gradients by query and (transposed) key."""
    query, across = product.args
    found = readers.of(slopes, 2)
    for to_query, to_key in (found, found[::-1]) if found else ():
        if (
            to_query.name in PRODUCTS
            and to_key.name in PRODUCTS
            and to_query.args[0] is slopes
            and to_key.args[1] is slopes
            and is_turned(to_query.args[1], across)
            and is_turned(to_key.args[0], query)
        ):
            return to_query, to_key
    return None


def is_turned(a: Any, b: Any) -> bool:
    """Whether one value is another with its last two dimensions exchanged."""
    (x, dims), (y, others) = _place(a), _place(b)
    return x is y and dims == (*others[:-2], others[-1], others[-2])


def _place(x: Value) -> tuple[Value, tuple[int, ...]]:
    if x.node.name == "permute":
        source, dims = x.node.args
        return source, tuple(dims)
    return x, tuple(range(len(x.shape)))


def gradients(found: Joined, back: Backward, add: Any) -> dict[Node, Value]:
    """A value for each of the three products that are gradients."""
    query, key, value, mask, scale, output, logsumexp = found
    empty = add("eq", logsumexp, math.inf)
    g = add("where", empty, 0.0, back.by_weights.args[0])
    needs = True, True, True, False
    to_query, to_key, to_value, _ = add(
        "dot_attention_gradient", g, None, query, key, value, mask, output, logsumexp, False, scale, needs
    )  # fmt: skip
    some_empty = add("eq", add("amax", logsumexp, (len(logsumexp.shape) - 2,), True), math.inf)
    to_value = add("where", some_empty, math.nan, to_value)
    if mask is None or mask.dtype.kind != "b":
        to_query = add("where", empty, math.nan, to_query)
        to_key = add("where", some_empty, math.nan, to_key)
    *lead, row, column = range(len(to_key.shape))
    across = add("clone", add("permute", to_key, (*lead, column, row)))
    return {back.to_query: to_query, back.to_key: across, back.to_value: to_value}
