"""Gradients of all parts of a tensor (`unbind`, `chunk`, `split`), joined once.

At capture each part's is added to zeros of the whole, one after the other. Where the parts together are the whole, each once, they
are joined instead; and joined in the order in which a copy would lay them out, if one follows: so attention's queries, keys and
values have their gradient in one pass over it. `part + 0` stays, as it makes 0 of -0.
"""

from __future__ import annotations

from typing import Any

from facula.graph.ir import Graph, Node, Value
from facula.graph.passes.rewrite import Rewriter

#: Parts up to which it is done: all of them must be there at once.
MOST = 16


def join_parts(graph: Graph) -> int:
    """Returns how many values were replaced."""
    return Rewriter(graph).run(_joined)


def _joined(node: Node, add: Any) -> Value | None:
    if node.name == "write_view":
        return _from_parts(node, add)
    if node.name == "clone" and node.args[0].node.name == "permute":
        whole, dims = node.args[0].node.args
        if whole.node.name == "join":
            parts, dim = whole.node.args
            turned = tuple(add("permute", x, dims) for x in parts)
            return add("join", turned, tuple(dims).index(dim))  # type: ignore[no-any-return]
    return None


def _from_parts(node: Node, add: Any) -> Value | None:
    #: By where a part begins: where it ends, and what it is.
    found: dict[int, tuple[int, Value]] = {}
    dim: int | None = None
    value = node.outputs[0]
    assert value is not None
    whole, base = value, value
    while base.node.name == "write_view" and len(found) < MOST:
        base, part, place = _written(base.node)
        if part is None or dim not in (None, place[0]) or place[1] in found:
            return None
        dim, start, end = place
        found[start] = end, part
    if dim is None or not _is_zeros(base) or not _are_all(found, whole.shape[dim]):
        return None
    parts = [add("add", found[start][1], 0) for start in sorted(found)]
    parts = [x if len(x.shape) == len(whole.shape) else add("unsqueeze", x, dim) for x in parts]
    return add("join", tuple(parts), dim)  # type: ignore[no-any-return]


def _written(node: Node) -> tuple[Value, Value | None, tuple[int, int, int]]:
    """Of `base[place] += part`: base, part (None for other writes), and place as (dimension, start, end)."""
    base, new, chain = node.args
    nothing = base, None, (0, 0, 0)
    if len(chain) != 1 or new.node.name != "add":
        return nothing
    (view, options), (a, b) = chain[0], new.node.args[:2]
    if a.__class__ is not Value or b.__class__ is not Value or not b.shape == a.shape == new.shape:
        return nothing
    seen = a.node
    if seen.op is not view or seen.args != (base, *options) or b.dtype is not base.dtype:
        return nothing
    if view.name == "select":
        dim, start = options
        return base, b, (dim, start, start + 1)
    if view.name == "slice" and options[3] == 1:
        return base, b, tuple(options[:3])
    return nothing


def _is_zeros(value: Value) -> bool:
    return (
        value.node.name == "full"
        and value.node.args[1].__class__ in (int, float)
        and not value.node.args[1]
    )


def _are_all(parts: dict[int, tuple[int, Value]], size: int) -> bool:
    """Whether parts, none of which is empty, follow each other from 0 to `size`."""
    at = 0
    for start in sorted(parts):
        end = parts[start][0]
        if start != at or end == start:
            return False
        at = end
    return at == size and len(parts) > 1
