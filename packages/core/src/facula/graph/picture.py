"""A graph as an SVG picture: boxes in layers, from inputs down to outputs.

Layers by the longest way from an input, order within a layer by the mean place of neighbours (Sugiyama, Tagawa and
Toda, 1981). Where a graph has more nodes than `limit`, boxes are merged that only one other reads; what
is still too much is counted in a last box.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import pairwise
from typing import Any

from facula.graph.ir import CONSTANT, Graph, Node, Value, call_text

_LINE, _CHARACTER, _GAP_X, _GAP_Y, _PAD = 15, 7.0, 22, 34, 8
_FONT = "font-family='monospace' font-size='11'"
#: Fill colours by what a box does.
_FILLS = {"input": "#d9ead3", "output": "#fce5cd", "product": "#cfe2f3", "view": "#eeeeee", "other": "#fff8dc"}  # fmt: skip
_PRODUCTS = ("matmul", "linear", "convolution", "attention", "bmm", "mm", "embedding")


class Box:
    """One or several nodes, drawn as one; or a point through which a long edge goes."""

    def __init__(self, nodes: list[Node], lines: list[str], kind: str = "other"):
        self.nodes, self.lines, self.kind = nodes, lines, kind
        self.above: list[Box] = []
        self.below: list[Box] = []
        self.layer = 0
        self.x = 0.0

    @property
    def width(self) -> float:
        return max((len(x) for x in self.lines), default=0) * _CHARACTER + 2 * _PAD if self.lines else 6  # fmt: skip

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + _PAD


def to_svg(graph: Graph, limit: int = 80) -> str:
    """The text of an SVG picture with about `limit` boxes at most."""
    boxes = _boxes(graph, limit)
    layers = _layers(boxes)
    _order(layers)
    _place(layers)
    return _draw(layers)


# ---- which boxes there are


def _boxes(graph: Graph, limit: int) -> list[Box]:
    groups = _groups(graph, limit)
    hidden = sum(len(g) for g in groups[limit:])
    groups = groups[:limit]
    boxes = [Box(g, _lines(g), _kind(g)) for g in groups]
    home = {n: b for b in boxes for n in b.nodes}
    for value in graph.inputs:
        if value.name.startswith("arg") and any(value in n.inputs for n in home):
            box = Box([], [f"%{value.name}", value.describe()], "input")
            home[value.node] = box
            boxes.append(box)
    for box in list(boxes):
        for node in box.nodes:
            for value in node.inputs:
                _join(home.get(value.node), box)
    written = {v: k.name for k, v in graph.updates.items()}
    for value in graph.outputs:
        if value.node in home:
            what = f"into {written[value]}" if value in written else f"return %{value.name}"
            out = Box([], [what, value.describe()], "output")
            _join(home[value.node], out)
            boxes.append(out)
    if hidden:
        boxes.append(Box([], [f"and {hidden} more nodes:", "to_svg(limit=...)"], "output"))
    return boxes


def _join(above: Box | None, below: Box) -> None:
    if above is not None and above is not below and above not in below.above:
        below.above.append(above)
        above.below.append(below)


def _groups(graph: Graph, limit: int) -> list[list[Node]]:
    """The nodes, each with those that only it reads, as far as `limit` asks for it."""
    readers: dict[Node, set[Node]] = {n: set() for n in graph.nodes}
    for node in graph.nodes:
        for value in node.inputs:
            if value.node in readers:
                readers[value.node].add(node)
    outputs = {v.node for v in graph.outputs}
    lead = {n: n for n in graph.nodes}
    size = Counter(graph.nodes)
    many, most = len(graph.nodes), 2
    while many > limit and most <= 64:
        for node in reversed(graph.nodes):
            to = {lead[r] for r in readers[node]} - {lead[node]}
            if node in outputs or len(to) != 1 or lead[node] is not node or many <= limit:
                continue
            (target,) = to
            if size[node] + size[target] <= most:
                for other in [n for n in graph.nodes if lead[n] is node]:
                    lead[other] = target
                    readers[target] |= readers[other] - {n for n in graph.nodes if lead[n] is target}  # fmt: skip
                size[target] += size[node]
                many -= 1
        most *= 2
    members: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        members.setdefault(lead[node], []).append(node)
    return list(members.values())


def _lines(nodes: list[Node]) -> list[str]:
    last = nodes[-1]
    counts = Counter("constant" if n.op is CONSTANT else n.name for n in nodes)
    names = [name if k == 1 else f"{name} x{k}" for name, k in counts.items()]
    lines = [" ".join(names[i : i + 3]) for i in range(0, len(names), 3)][:5]
    held = [v for n in nodes for v in n.inputs if v.node.op.name == "input" and not v.name.startswith("arg")]  # fmt: skip
    lines += [f"{v.name} {list(v.shape)}" for v in dict.fromkeys(held)][:4]
    return [*lines, *(repr(v) for v in last.outputs if v is not None)][:10]


def _kind(nodes: list[Node]) -> str:
    if any(n.name in _PRODUCTS for n in nodes):
        return "product"
    return "view" if all(n.op.view for n in nodes) else "other"


# ---- where they are


def _layers(boxes: list[Box]) -> list[list[Box]]:
    waiting = {id(b): len(b.above) for b in boxes}
    ready = [b for b in boxes if not b.above]
    for box in ready:  # grows
        for below in box.below:
            below.layer = max(below.layer, box.layer + 1)
            waiting[id(below)] -= 1
            if not waiting[id(below)]:
                ready.append(below)
    for box in reversed(ready):  # as far down as what reads them allows
        if box.below:
            box.layer = min(b.layer for b in box.below) - 1
    layers: list[list[Box]] = [[] for _ in range(max(b.layer for b in boxes) + 1)] if boxes else []
    for box in boxes:
        layers[box.layer].append(box)
    for box in boxes:
        box.below = [_through(box, below, layers) for below in box.below]
    return layers


def _through(box: Box, below: Box, layers: list[list[Box]]) -> Box:
    """The first point of an edge that spans several layers; `below` itself where it does not."""
    points = [Box([], []) for _ in range(box.layer + 1, below.layer)]
    chain = [box, *points, below]
    for a, b in pairwise(chain):
        if a is not box:
            a.below = [b]
        if b is not below:
            b.above = [a]
            b.layer = a.layer + 1
            layers[b.layer].append(b)
    below.above[below.above.index(box)] = chain[-2]
    return chain[1]


def _order(layers: list[list[Box]]) -> None:
    for sweep in range(6):
        place = {id(b): i for layer in layers for i, b in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):

            def mean(b: Box, down: bool = sweep % 2 == 0, place: dict[int, int] = place) -> float:
                near = b.above if down else b.below
                return sum(place[id(x)] for x in near) / len(near) if near else place[id(b)]

            layer.sort(key=mean)
            place |= {id(b): i for i, b in enumerate(layer)}


def _place(layers: list[list[Box]]) -> None:
    for layer in layers:
        x = 0.0
        for box in layer:
            box.x = x + box.width / 2
            x += box.width + _GAP_X
    for sweep in range(12):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = []
            for box in layer:
                near = box.above if sweep % 2 == 0 else box.below
                wanted.append(sum(b.x for b in near) / len(near) if near else box.x)
            _spread(layer, wanted)


def _spread(layer: list[Box], wanted: list[float]) -> None:
    """Places as near to those wanted as widths allow: the mean of pushing from the left and from the right."""
    left, right = list(wanted), list(wanted)
    for i in range(1, len(layer)):
        left[i] = max(left[i], left[i - 1] + _distance(layer[i - 1], layer[i]))
    for i in range(len(layer) - 2, -1, -1):
        right[i] = min(right[i], right[i + 1] - _distance(layer[i], layer[i + 1]))
    for box, a, b in zip(layer, left, right):
        box.x = (a + b) / 2


def _distance(a: Box, b: Box) -> float:
    return (a.width + b.width) / 2 + _GAP_X


# ---- the text


def _draw(layers: list[list[Box]]) -> str:
    boxes = [b for layer in layers for b in layer]
    start = min((b.x - b.width / 2 for b in boxes), default=0) - _PAD
    width = max((b.x + b.width / 2 for b in boxes), default=0) - start + _PAD
    top, y = {}, float(_PAD)
    for layer in layers:
        height = max(b.height for b in layer)
        for box in layer:
            top[id(box)] = y + (height - box.height) / 2 if box.lines else y + height / 2
        y += height + _GAP_Y
    edges, shapes = [], []
    for box in boxes:
        for below in box.below:
            edges.append(_edge(box, below, top, start))
        if box.lines:
            shapes.append(_shape(box, top[id(box)], start))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{y:.0f}' viewBox='0 0 {width:.0f} {y:.0f}'>"
        "<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        "<path d='M0,0 L8,4 L0,8 z' fill='#666'/></marker></defs>"
        f"<rect width='100%' height='100%' fill='white'/>{''.join(edges)}{''.join(shapes)}</svg>"
    )


def _edge(box: Box, below: Box, top: dict[int, Any], start: float) -> str:
    x1, y1 = box.x - start, top[id(box)] + (box.height if box.lines else 0)
    x2, y2 = below.x - start, top[id(below)]
    bend = (y2 - y1) / 2
    tip = " marker-end='url(#tip)'" if below.lines else ""
    return (
        f"<path d='M{x1:.1f},{y1:.1f} C{x1:.1f},{y1 + bend:.1f} {x2:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}' "
        f"fill='none' stroke='#666'{tip}/>"
    )


def _shape(box: Box, y: float, start: float) -> str:
    x = box.x - box.width / 2 - start
    texts = "".join(
        f"<text x='{x + _PAD:.1f}' y='{y + _LINE * (i + 1):.1f}'>{escape(line)}</text>"
        for i, line in enumerate(box.lines)
    )
    title = escape("\n".join(f"{', '.join(map(_name, n.outputs))} = {call_text(n)}" for n in box.nodes))  # fmt: skip
    return (
        f"<g {_FONT}><title>{title}</title><rect x='{x:.1f}' y='{y:.1f}' width='{box.width:.1f}' height='{box.height:.1f}' "
        f"rx='4' fill='{_FILLS[box.kind]}' stroke='#888'/>{texts}</g>"
    )


def _name(v: Value | None) -> str:
    return "_" if v is None else repr(v)
