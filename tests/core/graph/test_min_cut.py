"""The minimum cut against all cuts there are."""

from itertools import chain, combinations

import numpy as np
import pytest

from facula.graph.min_cut import Network


def cuts(nodes):
    return chain.from_iterable(combinations(nodes, n) for n in range(len(nodes) + 1))


@pytest.mark.parametrize("seed", range(20))
def test_no_cut_is_smaller(seed):
    random = np.random.default_rng(seed)
    inner = list(range(5))
    edges: dict = {}
    for _ in range(14):
        a, b = random.choice(["source", *inner]), random.choice([*inner, "sink"])
        if a != b:
            edges[a, b] = edges.get((a, b), 0) + int(random.integers(0, 9))
    network = Network()
    for (a, b), capacity in edges.items():
        network.connect(a, b, capacity)

    def cost(near):
        return sum(c for (a, b), c in edges.items() if a not in near and b in near)

    near = network.reaching("source", "sink")
    assert "source" not in near and "sink" in near
    least = min(cost({"sink", *map(str, some)}) for some in cuts(inner))
    assert cost(near) == least
    smallest = min(len(some) for some in cuts(inner) if cost({"sink", *map(str, some)}) == least)
    assert len(near) - 1 == smallest


def test_a_path_without_limit():
    network = Network()
    network.connect("source", 1)
    network.connect(1, "sink")
    with pytest.raises(ValueError, match="no finite cut"):
        network.reaching("source", "sink")
