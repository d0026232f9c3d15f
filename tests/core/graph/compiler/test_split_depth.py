"""Products of few rows by an updated weight: each thread reads the part that it updates."""

import numpy as np
import pytest

import facula
from facula import nn
from facula.dtypes import F32
from facula.graph.codegen.elements import element
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load, MapNest, MatmulNest, Number, Store
from facula.graph.compiler.schedule import _conflict, _touch
from facula.graph.compiler.shares import Share
from facula.graph.runtime import unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


FLOAT32 = element(F32)


def training(rows, width, dtype=facula.float32):
    """A step of three layers, and the tensors that it changes."""
    facula.manual_seed(0)
    sizes = (20, width), (width, width), (width, 8)
    layers = [layer for a, b in sizes for layer in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers[:-1]).to(dtype)
    x = facula.tensor(np.random.default_rng(0).standard_normal((rows, 20))).to(dtype)
    optimizer = facula.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step():
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    return step, list(model.parameters())


def made(threads, rows, width):
    """What becomes of a step on so many threads, without C's compiler."""
    compiled = facula.compile(training(rows, width)[0], backend="replay")
    compiled()
    return Making(compiled.graph, threads)


def by_thread(making):
    return [n for n in making.nests if isinstance(n, MatmulNest) and n.by_thread]


@pytest.mark.parametrize("threads", [2, 3])
def test_the_gradient_of_few_rows_is_summed_by_threads(threads):
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        step, weights = training(24, 240)
        compiled = facula.compile(step, backend="c")
        for _ in range(3):
            compiled()
        (product,) = by_thread(Making(compiled.graph, threads))
    finally:
        facula.set_num_threads(before)
    assert (product.shape, product.depth) == ((threads, 24, 240), 240 // threads)
    step, expected = training(24, 240, facula.float64)
    for _ in range(3):
        step()
    for w, e in zip(weights, expected):
        np.testing.assert_allclose(w.detach().numpy(), e.detach().numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(w.grad.numpy(), e.grad.numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("threads", "rows", "width"),
    [(1, 24, 240), (2, 100, 240), (2, 8, 64), (2, 24, 241)],
    ids=["one thread", "many rows", "a small weight", "no equal parts"],
)
def test_others_stay_whole(threads, rows, width):
    assert not by_thread(made(threads, rows, width))


@pytest.mark.parametrize(("middle", "meets"), [(128, False), (64, True)])
def test_a_thread_goes_on_with_columns_that_it_made(middle, meets):
    """Terms of a thread's part of the sum are columns of the map before."""
    made, weight, sums = (Memory(4 * n) for n in (32 * 256, 256 * 64, 2 * 32 * 64))
    places = {m: (i, 0) for i, m in enumerate((made, weight, sums))}
    store = Store(made, FLOAT32, 0, (256, 1), Number(0, FLOAT32))
    load = Load(made, FLOAT32, 0, (128, 256, 1))
    other = Load(weight, FLOAT32, 0, (128 * 64, 64, 1))
    result = Store(sums, FLOAT32, 0, (32 * 64, 64, 1), None)
    product = MatmulNest((2, 32, 64), 128, load, other, result, by_thread=True)
    columns = _touch(store, MapNest((32, 256), [store]), Share(1, (0, middle, 256)), places, True)
    terms = _touch(load, product, Share(0, (0, 1, 2)), places, False)
    assert _conflict(columns, terms) is meets
