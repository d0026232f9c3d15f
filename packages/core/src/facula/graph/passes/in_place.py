"""Nodes whose arguments nobody reads any more write into them: `write_view`, and updates of optimizers."""

from __future__ import annotations

from facula.graph.ir import Graph, Node, Value, values_in

#: Leaves without promotion whose result has memory of its own.
_FRESH = frozenset(("full", "sequence", "clone", "write_view", "random_words"))


def may_be_written(node: Node) -> bool:
    """Whether the node's result has memory of its own, each element once, on every backend."""
    op = node.op
    return op.name in _FRESH or (
        bool(getattr(op, "leaf", False)) and op.promote is not None and not op.alias
    )


def may_share(node: Node) -> bool:
    """Whether the node's result may lie in the memory of an input: what `alias` and `view` of an op say."""
    return node.op.alias or node.op.view or node.op.name == "conj"


def written_arguments(node: Node) -> list[tuple[Value, Value]]:
    """(argument, output) pairs in which a node that writes in place stores its outputs."""
    if node.op.name == "write_view":
        return [(node.args[0], node.outputs[0])]  # type: ignore[list-item]
    names = [p.name for p in node.op.parameters]
    pairs = [
        (node.args[names.index(n)], out)
        for n, out in zip(node.op.outputs, node.outputs)
        if n in names
    ]
    return [(a, out) for a, out in pairs if a is not None and out is not None]


def writes_in_place(graph: Graph, into_inputs: bool) -> set[Node]:
    """The nodes that may write into their arguments: nothing reads those, or views of them, later.

    They are `write_view` (without this the gradients of T slices would cost T copies of the whole) and
    the updates for which a backend has in-place kernels. `into_inputs`: graph inputs that take the
    result in the end may be written as well.
    """
    last: dict[Value, int] = {}
    over: dict[Value, set[Value]] = {
        v: {v} for v in graph.inputs
    }  # the values whose memory a value may lie in
    for i, node in enumerate(graph.nodes):
        inputs = list(values_in(node.args))
        below = {b for v in inputs for b in over[v]} if may_share(node) else set()
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
    found: set[Node] = set()
    homes = {v: k for k, v in graph.updates.items()} if into_inputs else {}
    for i in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[i]
        if node.op.name != "write_view" and node.op.name not in node.backend.inplace_kernels:
            continue
        pairs = written_arguments(node)
        read = list(values_in(node.args))
        if pairs and all(
            (may_be_written(a.node) or homes.get(out) is a)
            and ends.get(a) == i
            and sum(a in over[v] for v in read) == 1
            for a, out in pairs
        ):
            found.add(node)
    return found
