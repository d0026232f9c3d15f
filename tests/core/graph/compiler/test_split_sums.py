"""Reductions to few results: shared out among threads, with the same bits on any number of them."""

import numpy as np
import pytest

import facula
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.nests import ReduceNest
from facula.graph.runtime import unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

CASES = {
    "sum of all": (lambda x: x.sum(), 2),
    "a map summed": (lambda x: (x * x + 1).sum(), 2),
    "rows of a few": (lambda x: x.reshape(3, -1).sum(1), 2),
    "columns of a few": (lambda x: x.reshape(-1, 3).sum(0), 2),
    "columns of many": (lambda x: x.sum(0), 2),
    "columns that caches hold": (lambda x: x[:96].sum(0), 1),
    "maximum": (lambda x: x.amax(), 2),
    "integers": (lambda x: (x * 100).long().sum(), 2),
    "float16, added as float32": (lambda x: x[:96].half().sum(), 2),
    "few": (lambda x: x[:3, :100].sum(), 1),
    "a prime number": (lambda x: x.reshape(-1)[:19997].sum(), 1),
}


def run(f, x, threads):
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        compiled = facula.compile(f, backend="c")
        return compiled(x), Making(compiled.graph, threads)
    finally:
        facula.set_num_threads(before)


@pytest.mark.parametrize("name", CASES)
def test_reductions_of_many_to_few(name):
    f, steps = CASES[name]
    x = facula.from_numpy(np.random.default_rng(0).random((528, 500), np.float32))
    (one, made), (three, _) = (run(f, x, threads) for threads in (1, 3))
    assert sum(isinstance(nest, ReduceNest) for nest in made.nests) == steps
    assert one.tolist() == three.tolist()
    wide = f(x.half().double() if one.dtype is facula.float16 else x.double())
    np.testing.assert_allclose(
        one.numpy(), wide.numpy(), rtol=1e-3 if one.dtype is facula.float16 else 1e-5
    )


def test_nan_in_one_piece_reaches_the_result():
    x = facula.ones(40_000)
    x[30_000] = float("nan")
    assert all(bool(run(f, x, 2)[0].isnan()) for f in (lambda x: x.sum(), lambda x: x.amax()))


def test_sums_of_columns_read_rows_though_a_number_for_each_row_goes_in():
    def weight_gradient(g, x, mean, scale):  # of a layer norm
        return (g * ((x - mean) * scale)).sum(0)

    made = np.random.default_rng(1).standard_normal
    arrays = [made((96, columns), np.float32) for columns in (80, 80, 1, 1)]
    compiled = facula.compile(weight_gradient, backend="c")
    found = compiled(*(facula.from_numpy(a) for a in arrays)).numpy()
    wanted = weight_gradient(*(a.astype(np.float64) for a in arrays))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    source = Making(compiled.graph, 1).artifact.source
    assert "sums[x]" in source and "lanes" not in source
