"""Whether C is worth it for a graph of which nobody asked for C by its name: for large arrays some kernels are far ahead of it.

Measured with facula-native on two cores of a Sapphire Rapids, nanoseconds, C less the kernel.
"""

from __future__ import annotations

import math
from collections import Counter

from facula.graph.ir import Graph, Node

#: Of an element that is read or made.
SLOWER = {
    "topk": 40,
    "argmax": 2,
    "argmin": 2,
    "max": 2,
    "min": 2,
    "sin": 2.5,
    "cos": 2.5,
    "tan": 2.8,
}
#: The same for float64.
SLOWER_DOUBLE = SLOWER | {"exp": 3, "tanh": 10}
#: Of a multiplication and addition in products that are not of float32 or less.
PRODUCT = 0.1
#: What any other node gains, and each element that it makes and need not be stored, at the least.
NODE, ELEMENT = 3000, 0.5
#: What may be lost without a word.
LITTLE = 300_000


def slower_part(graph: Graph) -> str | None:
    """The op that makes C slower than a replay by more than the rest of the graph gains; None where C is worth it."""
    lost: Counter[str] = Counter()
    gained = 0.0
    for node in graph.nodes:
        more = _lost(node)
        if more:
            lost[node.name] += int(more)
        else:
            gained += NODE + ELEMENT * sum(math.prod(v.shape) for v in node.outputs if v)
    if sum(lost.values()) <= max(gained, LITTLE):
        return None
    return lost.most_common(1)[0][0]


def _lost(node: Node) -> float:
    made = [math.prod(v.shape) for v in node.outputs if v is not None]
    read = [math.prod(v.shape) for v in node.inputs]
    dtypes = [v.dtype for v in (*node.inputs, *node.outputs) if v is not None]
    is_wide = any(x.kind in "fc" and x.itemsize >= 8 for x in dtypes)
    if is_wide and node.name in ("matmul", "linear", "convolution"):
        first, second, *_ = node.inputs
        summed = first.shape[-1:] if node.name != "convolution" else second.shape[1:]
        return float(PRODUCT * sum(made) * math.prod(summed))
    more = (SLOWER_DOUBLE if is_wide else SLOWER).get(node.name, 0.0)
    return more * max(made + read, default=0)
