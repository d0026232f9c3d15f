"""Which values the forward program leaves to the backward program: as few bytes as possible, the rest is computed anew.

Only what is cheap is computed anew: elementwise values and views. Of all choices the minimum cut gives the one that keeps
least, and among these the one that computes least anew (Chen et al. 2016; PyTorch's min-cut partitioner).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from facula.graph.ir import CONSTANT, Node, Value
from facula.graph.min_cut import Network
from facula.graph.passes.in_place import may_share
from facula.ops.dims import row_major

#: Ops of which each element costs little, by the files that define them and by name.
_FAMILIES = frozenset(("elementwise", "comparison", "bitwise", "activation"))
_NAMES = frozenset(
    ("cast", "clone", "drop", "erf", "full", "sequence", "with_value", "overwritten")
)
_DEAR = frozenset(("softmax", "log_softmax", "p_norm"))


def is_cheap(node: Node) -> bool:
    """Whether computing the node anew costs about as much as reading its result."""
    op = node.op
    return (
        is_view(node)
        or op.name in _NAMES
        or (op.family in _FAMILIES and op.name not in _DEAR and not op.random)
    )


def is_view(node: Node) -> bool:
    """Whether computing the node anew costs nothing: a view, or a constant."""
    return node.op is CONSTANT or bool(node.op.view)


def split(nodes: Sequence[Node], cotangents: Collection[Value], gradients: Sequence[Value]) -> tuple[list[Value], set[Node]]:  # fmt: skip
    """(what the backward pass takes from the forward pass, the nodes that only the backward pass can run).

    These are the nodes below some of `cotangents`; of them only those that `gradients` need are looked at.
    """
    late: set[Value] = set(cotangents)
    for node in nodes:
        if any(v in late for v in node.inputs):
            late.update(v for v in node.outputs if v is not None)
    taken: dict[Value, None] = {}
    needed, backward = set(gradients), set()
    for node in reversed(nodes):
        if any(v in needed and v in late for v in node.outputs):
            needed.update(node.inputs)
            backward.add(node)
            taken.update((v, None) for v in node.inputs if v not in late)
    taken.update((v, None) for v in gradients if v not in late)
    return list(taken), backward


def values_to_save(
    taken: Sequence[Value],
    free: Collection[Value],
    written: Collection[Value],
    recomputes: Callable[[Node], bool] = is_cheap,
) -> list[Value]:
    """The values to keep, from which all of `taken` can be computed by nodes that `recomputes` allows.

    `free` ones are there anyway: inputs and outputs. `written` inputs and what else does not own its memory is copied.
    """
    network = Network()
    order: dict[Value, None] = {}
    waiting = list(taken)
    for value in taken:
        network.connect((value, "kept"), "end")
    while waiting:
        value = waiting.pop()
        if value in order:
            continue
        order[value] = None
        node = value.node
        cost = 0 if value in free else _cost(value, value in written)
        network.connect((value, "known"), (value, "kept"), cost)
        if not (node.op is CONSTANT or (node.op.parameters and recomputes(node))):
            network.connect("start", (value, "known"))
            continue
        for below in node.inputs:
            network.connect((below, "kept"), (value, "known"))
            waiting.append(below)
    near = network.reaching("start", "end")
    return [v for v in order if (v, "kept") in near and (v, "known") not in near]


def _cost(value: Value, is_written: bool) -> float:
    """Bytes; a copy is one byte worse. A view that lies in another order than a copy would is never kept."""
    size: int = math.prod(value.shape) * value.dtype.itemsize
    if is_written:
        return size + 1
    if not may_share(value.node):
        return size
    return size + 1 if value.strides == row_major(value.shape) else math.inf
