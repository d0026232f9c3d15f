"""Pictures of graphs: well-formed, complete, of a bounded size, boxes apart from each other and edges downwards."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

import facula
from facula import nn, optim
from facula.graph import picture

SVG = "{http://www.w3.org/2000/svg}"


def training_step(layers):
    parts = [p for _ in range(layers) for p in (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())]
    model = nn.Sequential(*parts, nn.Linear(8, 3))
    optimizer = optim.AdamW(model.parameters())

    @facula.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):
        step(facula.randn(4, 8), facula.tensor([0, 1, 2, 0]))
    return step.graph


def boxes(svg):
    root = ET.fromstring(svg)
    groups = root.findall(f"{SVG}g")
    rects = [g.find(f"{SVG}rect").attrib for g in groups]
    return groups, [tuple(float(r[k]) for k in ("x", "y", "width", "height")) for r in rects]


@pytest.mark.parametrize(("layers", "limit"), [(1, 1000), (4, 80), (12, 30)])
def test_boxes_do_not_overlap_and_edges_go_down(layers, limit):
    graph = training_step(layers)
    svg = graph.to_svg(limit)
    groups, places = boxes(svg)
    inner = [g for g in groups if g.find(f"{SVG}title").text]
    assert len(inner) <= limit
    for i, (x, y, w, h) in enumerate(places):
        for x2, y2, w2, h2 in places[:i]:
            apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
            assert apart
    curves = re.findall(r"<path d='M[-\d.]+,([-\d.]+) C.* [-\d.]+,([-\d.]+)' fill='none'", svg.replace("<path", "\n<path"))  # fmt: skip
    assert len(curves) > len(inner) - 2
    assert all(float(a) < float(b) for a, b in curves)
    titles = "\n".join(g.find(f"{SVG}title").text or "" for g in groups)
    left_out = re.search(r"and (\d+) more nodes", svg)
    assert limit < 1000 or left_out is None
    assert (int(left_out[1]) if left_out else 0) + titles.count(" = ") >= len(graph.nodes)


def test_what_is_written_returned_and_read_is_named():
    graph = training_step(1)
    svg = graph._repr_svg_()
    assert "into model.0.weight" in svg
    assert "return %" in svg
    assert ">model.3.bias [3]<" in svg
    assert "linear" in svg


def test_boxes_hold_their_text():
    """Letters of a monospace font of 11 pixels take 6.6, or 7 where they are set to whole pixels (Cairo)."""
    for group, (x, _, width, _) in zip(*boxes(training_step(1).to_svg(1000))):
        for text in group.findall(f"{SVG}text"):
            assert float(text.get("x")) + 7 * len(text.text) < x + width


def test_names_are_escaped_and_empty_graphs_have_a_picture():
    f = facula.compile(lambda d: d["<&>"] * 2)
    f({"<&>": facula.ones(2)})
    ET.fromstring(f.graph.to_svg())
    ET.fromstring(picture.to_svg(facula.graph.Graph()))


def test_a_picture_of_thousands_of_nodes_is_made_in_a_moment(monkeypatch):
    def f(x):
        for i in range(1500):
            x = x * float(i + 2) + x.sin()
        return x

    g = facula.compile(facula.no_grad()(f))
    g(facula.ones(2))
    assert len(g.graph.nodes) == 4500
    groups, _ = boxes(g.graph.to_svg())
    assert len(groups) <= 84
