"""Weights' gradients in pieces, which threads take as they come to them."""

from types import SimpleNamespace

import numpy as np
import pytest

import facula
from facula.graph.compiler.nests import MatmulNest
from facula.graph.compiler.schedule import pieces_of
from facula.graph.compiler.shares import Pieces


def product(m, n, depth, a, result="gradient", is_half=False):
    """A product by b of rows, of what the schedule looks at."""
    element = SimpleNamespace(is_half=is_half)
    left, right = (SimpleNamespace(memory=x, element=element, strides=s) for x, s in (("a", a), ("b", (n, 1))))  # fmt: skip
    return MatmulNest((m, n), depth, left, right, SimpleNamespace(memory=result))


@pytest.mark.parametrize(
    "given, threads, expected",
    [
        ((192, 768, 1024, (1, 192)), 2, Pieces(1, 96)),
        ((768, 192, 1024, (1, 768)), 2, Pieces(0, 96)),
        ((192, 192, 1024, (1, 192)), 2, Pieces(0, 48)),
        ((1000, 200, 700, (1, 2000)), 4, Pieces(0, 64)),
        ((1024, 768, 192, (192, 1)), 2, None),  # rows as they lie, as layers have them
        ((128, 784, 32, (1, 128)), 2, None),  # too small
        ((96, 96, 8192, (1, 96)), 2, None),  # one for each thread
        ((192, 192, 1024, (1, 192)), 4, None),
        ((192, 768, 1024, (1, 192)), 1, None),
    ],
)
def test_large_products_of_turned_factors_are_done_in_pieces(given, threads, expected):
    assert pieces_of(product(*given), [], threads) == expected


def test_what_is_needed_soon_is_not():
    gradient = 192, 768, 1024, (1, 192)
    assert pieces_of(product(*gradient), [product(*gradient, result="other")], 2)
    reader = product(*gradient, result="other")
    reader.a.memory = "gradient"
    assert pieces_of(product(*gradient), [reader], 2) is None
    assert pieces_of(product(*gradient), [product(*gradient)], 2) is None  # written again
    assert pieces_of(product(*gradient, is_half=True), [], 2) is None


@pytest.mark.parametrize("threads", [2, 4])
def test_each_run_does_all_pieces_once_and_has_the_same_bits(threads):
    draw = np.random.default_rng(0)
    x, w, g = (draw.standard_normal(s).astype(np.float32) for s in ((600, 400), (400, 248), (600, 248)))  # fmt: skip
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:

        @facula.compile(backend="c")
        def gradients(x, w, g):
            more = facula.relu(g @ w.T)  # (600, 400), of which each gradient needs all rows
            return x.T @ g, more.T @ g, more.T @ x

        given = [facula.tensor(a) for a in (x, w, g)]
        found = [[t.numpy().copy() for t in gradients(*given)] for _ in range(8)]
        code = gradients.last.code
        assert code.threads == threads and code.source.count("p->taken + ") == 3
        assert not any(code.taken)  # counters begin anew
    finally:
        facula.set_num_threads(before)
    more = np.maximum(g.astype(np.float64) @ w.T, 0)
    for got, expected in zip(found[0], (x.T.astype(np.float64) @ g, more.T @ g, more.T @ x)):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    for other in found[1:]:
        for a, b in zip(found[0], other):
            np.testing.assert_array_equal(a, b)
