"""Attention that is written out, `softmax(q @ k.transpose(-2, -1) * scale + mask, -1) @ v`, as the op that never holds its table.

The mask may be added, or -inf put where it says so (`masked_fill`, `where`). That op gives a query that sees nothing zeros, and +inf as its
logsumexp; softmax gives NaN, which is put there. Scores are scaled with the queries, so results differ by rounding, and where they overflowed before they were scaled.
The gradient goes with it where it is in the graph too (`attention_gradient.py`).

Where that would take longer the products stay: the op's threads share heads, and queries by parts where there is no gradient, and each packs
all keys of its heads, while products are cut anywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from facula.dtypes import B8, F32
from facula.graph.ir import Graph, Node, Value, values_in
from facula.graph.passes.attention_gradient import (
    PRODUCTS,
    Backward,
    Joined,
    Readers,
    Scores,
    backward_of,
    gradients,
)
from facula.graph.passes.rewrite import Rewriter
from facula.ops.attention import FEWEST_WHOLE
from facula.threads import get_num_threads

#: Features of a head, above which the products are worth more than the table between them.
MOST_FEATURES = 256
#: Keys, fewer than which make a table so small that the products are faster.
FEWEST_KEYS = 16
#: Keys for each query, more than which a gradient packs for too little use of them.
MOST_KEYS_A_QUERY = 8
#: Queries of which a thread does a part (`QUERIES` of graph/runtime/attention.c).
PART = 128
#: Parts of a thread that make up for packing the keys of a head in each thread anew.
PARTS = 4


def join_attention(graph: Graph) -> int:
    """Returns how many were found."""
    uses = Counter(v for n in graph.nodes for v in values_in(n.args))
    uses.update(graph.outputs)
    backs = _backs(graph, uses)
    ends = {end: last for last, back in backs.items() for end in back[1:]}
    found: dict[Node, Joined] = {}
    made: dict[Node, Value] = {}

    def rule(node: Node, add: Any) -> Value | None:
        if node in ends and ends[node] in found:
            if node not in made:
                made.update(gradients(found[ends[node]], backs[ends[node]], add))
            return made[node]
        scores = _attention(node, uses)
        alone = scores is not None and uses[node.args[0]] == 1 and _pays(*_sizes(scores))
        if scores is None or not (alone or node in backs):
            return None
        found[node] = _joined(scores, node, add)
        sees_nothing = add("eq", found[node].logsumexp, math.inf)
        return add("where", sees_nothing, math.nan, found[node].output)  # type: ignore[no-any-return]

    return Rewriter(graph).run(rule)


def _backs(graph: Graph, uses: Counter[Value]) -> dict[Node, Backward]:
    """The gradients that are in the graph too, by the product that ends the attention."""
    nodes: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for v in values_in(node.args):
            nodes.setdefault(v, []).append(node)
    readers, found = Readers(uses, nodes), {}
    for node in graph.nodes:
        scores = _attention(node, uses)
        if scores is None or not _gradient_pays(*_sizes(scores)):
            continue
        back = backward_of(node, scores, readers)
        if back is not None:
            found[node] = back
    return found


def _sizes(scores: Scores) -> tuple[int, int, int]:
    """How many heads there are, queries and keys of each."""
    *lead, queries, keys = scores.product.outputs[0].shape  # type: ignore[union-attr]
    return math.prod(lead), queries, keys


def _pays(heads: int, queries: int, keys: int) -> bool:
    """Whether the op is faster than the products: heads, or parts of their queries, are enough for all threads."""
    threads = get_num_threads()
    parts = heads * -(-queries // PART)
    return heads >= threads or parts >= (threads if queries >= keys else PARTS * threads)


def _gradient_pays(heads: int, queries: int, keys: int) -> bool:
    """The same with the gradient, whose sums over the queries of a head are those of one thread."""
    return heads >= get_num_threads() and keys <= MOST_KEYS_A_QUERY * queries


def _attention(node: Node, uses: Counter[Value]) -> Scores | None:
    """What the scores are made of, of the attention that ends with `node`, if it is one."""
    if node.name not in PRODUCTS:
        return None
    weights = node.args[0]
    if weights.node.name != "softmax" or weights.node.args[1] != len(weights.shape) - 1:
        return None
    scores = _scores(weights.node.args[0], uses)
    return scores if scores is not None and _fits(scores, node) else None


def _scores(x: Value, uses: Counter[Value]) -> Scores | None:
    """What scores are made of, where nobody else reads what lies between."""
    node = x.node
    if uses[x] == 1 and node.name == "add":
        for inner, mask in (node.args[:2], node.args[1::-1]):
            found = _scaled(inner, uses)
            if found is not None and mask.__class__ is Value and mask.dtype is F32:
                return found._replace(mask=mask)
    if uses[x] == 1 and node.name in ("where", "select_where"):
        condition, *sides = node.args
        for side, (low, inner) in (("hidden", sides), ("mask", sides[::-1])):
            found = _scaled(inner, uses)
            if found is not None and _is_lowest(low) and condition.dtype is B8:
                return found._replace(**{side: condition})
    return _scaled(x, uses)


def _is_lowest(x: Any) -> bool:
    """Whether it is -inf, as a number or a tensor of no dimensions."""
    if x.__class__ is Value and x.node.name == "full" and not x.shape:
        x = x.node.args[1]
    return x.__class__ is float and x == -math.inf


def _scaled(x: Any, uses: Counter[Value]) -> Scores | None:
    if x.__class__ is not Value or uses[x] != 1:
        return None
    node = x.node
    if node.name in PRODUCTS:
        return Scores(node)
    if node.name not in ("mul", "div"):
        return None
    inner, number = node.args if node.args[0].__class__ is Value else node.args[::-1]
    if number.__class__ not in (int, float) or not math.isfinite(number) or not number:
        return None
    found = _scaled(inner, uses)
    if found is None or found.scale != 1 or (node.name == "div" and inner is not node.args[0]):
        return None
    return found._replace(scale=number if node.name == "mul" else 1 / number)


def _fits(scores: Scores, last: Node) -> bool:
    """Whether these are heads of one number, queries and keys enough, and a mask that is repeated for them and no more."""
    (query, key), (weights, value) = scores.product.args, last.args
    table = scores.product.outputs[0]
    assert table is not None
    return (
        2 <= len(query.shape) == len(key.shape) == len(value.shape) <= 4
        and all(x.dtype is F32 and 0 not in x.shape for x in (query, key, value))
        and query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
        and table.shape == weights.shape
        and query.shape[-2] >= FEWEST_WHOLE
        and key.shape[-1] >= FEWEST_KEYS
        and max(query.shape[-1], value.shape[-1]) <= MOST_FEATURES
    )


def _joined(scores: Scores, last: Node, add: Any) -> Joined:
    (query, key), value = scores.product.args, last.args[1]
    *lead, row, column = range(len(key.shape))
    key = add("permute", key, (*lead, column, row))
    mask = scores.mask if scores.hidden is None else add("bitwise_not", scores.hidden)
    given = query, key, value, mask
    output, logsumexp = add("dot_attention", *given, False, float(scores.scale))
    return Joined(*given, float(scores.scale), output, logsumexp)
