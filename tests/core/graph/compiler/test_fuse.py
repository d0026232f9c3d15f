"""What is computed anew, and what is read."""

import facula
from facula import nn
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.nests import Apply, MapNest


def training(rows, width):
    """What becomes of a step of two rectified layers, without C's compiler."""
    model = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    optimizer = facula.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = facula.ones(rows, 20)

    def step():
        optimizer.zero_grad()
        (model(x) @ facula.ones(width, 8)).square().mean().backward()
        optimizer.step()

    compiled = facula.compile(step, backend="replay")
    compiled()
    return Making(compiled.graph, 2)


def maps(making):
    """All, those too that products do."""
    every = [getattr(n, "then", None) or n for n in making.nests]
    return [n for n in every if isinstance(n, MapNest)]


def rectifies(nest):
    values = [v for s in nest.stores for v in s.value.nodes()]
    return any(isinstance(v, Apply) and v.expression == "maximum(a, b)" for v in values)


def test_a_rectifier_is_made_once():
    """Its gradient reads what products read too, so the sums that it was made of need not be kept: it lies where they did."""
    rows, width = 256, 128
    making = training(rows, width)
    assert sum(map(rectifies, maps(making))) == 2
    assert (
        making.artifact.arena_bytes < 4 * 4 * rows * width
    )  # two layers and their gradients, of which one ends before


def test_maps_between_products_stay_matrices():
    """So they may be shared out by columns."""
    shapes = [n.shape for n in maps(training(256, 128))]
    assert shapes.count((256, 128)) == 4


def test_a_long_sum_keeps_few_of_its_parts():
    """All of them were there at the end, where they were added up at once."""
    x, weight = facula.ones(40, 1024, 8), facula.ones(8, 256)
    compiled = facula.compile(lambda: sum(x[i] @ weight for i in range(40)), backend="replay")
    compiled()
    assert Making(compiled.graph, 2).artifact.arena_bytes < 10 * 4 * 1024 * 256
