"""Maps that products and convolutions do: the bits of passes of their own, wherever tiles end and whichever thread makes them."""

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.graph.compiler import compiler
from facula.graph.compiler.compiler import Making
from facula.graph.runtime.onednn import library_path


def draw(*shape, seed=0):
    return facula.tensor(np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32))


def affine(act):
    return lambda x, w, b, r: act(F.linear(x, w, b))


PRODUCTS = {
    "bias": lambda x, w, b, r: F.linear(x, w, b),
    "relu": affine(F.relu),
    "gelu": affine(F.gelu),
    "silu": affine(F.silu),
    "residual": lambda x, w, b, r: F.linear(x, w, b) + r,
    "batch norm": lambda x, w, b, r: F.relu((x @ w.t()) * b + b),
    "rows": lambda x, w, b, r: (x @ w.t()) * r[:, :1] + r[:, 1:2] if r.shape[1] > 1 else x @ w.t() * r,
    "scalar": lambda x, w, b, r: (x @ w.t()) * b[0],
    "clamped": lambda x, w, b, r: (x @ w.t()).clamp(-1, 1),
}  # fmt: skip
#: (rows, columns, sum): single ones, odd ones, few rows (turned over), few columns (sums in vectors), two blocks of depth, rows, columns.
SIZES = [(1, 40, 64), (40, 1, 64), (5, 3, 70), (17, 200, 96), (32, 100, 128), (100, 33, 300), (300, 65, 64), (750, 20, 64), (64, 500, 450)]  # fmt: skip


def compiled(monkeypatch, f, inputs, threads, joins=True):
    """What a compiled function gives, and how many maps were joined."""
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        with monkeypatch.context() as patch:
            if not joins:
                patch.setattr(compiler, "with_epilogues", lambda nests, *_: list(nests))
            run = facula.compile(f, backend="c")
            with facula.no_grad():
                run(*inputs)
                out = run(*inputs)
            nests = Making(run.graph, threads).nests
    finally:
        facula.set_num_threads(before)
    out = out if isinstance(out, tuple) else (out,)
    return [x.numpy().copy() for x in out], sum(getattr(n, "then", None) is not None for n in nests)


def same(monkeypatch, f, inputs, threads=(1, 2, 3)):
    """The results, which are the same bits with and without, on any number of threads; and how many maps were joined."""
    joined = 0
    expected = None
    for count in threads:
        apart, none = compiled(monkeypatch, f, inputs, count, joins=False)
        found, joined = compiled(monkeypatch, f, inputs, count)
        assert none == 0
        for a, b in zip(apart, found, strict=True):
            np.testing.assert_array_equal(a, b)
        expected = found
    return expected, joined


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(monkeypatch, name):
    f = PRODUCTS[name]
    for m, n, k in SIZES:
        inputs = draw(m, k), draw(n, k, seed=1), draw(n, seed=2), draw(m, n, seed=3)
        (found,), joined = same(monkeypatch, f, inputs, threads=(1, 2) if m * n < 9000 else (3,))
        assert joined == 1 or min(m, n) == 1
        np.testing.assert_allclose(found, f(*inputs).numpy(), rtol=1e-4, atol=1e-4)


def test_nan_and_infinities_flow(monkeypatch):
    x, w, b = draw(30, 64), draw(50, 64, seed=1), draw(50, seed=2)
    x[3, 5], x[4, 6], b[7], b[8] = float("nan"), float("inf"), float("nan"), -float("inf")
    f = PRODUCTS["relu"]
    (found,), joined = same(monkeypatch, f, (x, w, b, b))
    expected = f(x, w, b, b).numpy()
    assert joined == 1
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


CONVOLUTIONS = {
    "1d": ((3, 8, 50), (24, 8, 5), {}),
    "2d": ((2, 8, 20, 19), (40, 8, 3, 3), {"padding": 1}),
    "one sample": ((1, 16, 30, 30), (64, 16, 3, 3), {"stride": 2}),
    "many samples": ((9, 3, 12, 12), (32, 3, 3, 3), {}),
    "3d": ((2, 4, 9, 8, 7), (10, 4, 2, 2, 2), {"dilation": 2}),
    "groups": ((2, 32, 14, 14), (32, 8, 3, 3), {"groups": 4}),
    "of channels": ((2, 32, 14, 14), (32, 1, 3, 3), {"groups": 32, "padding": 1}),
    "few": ((2, 32, 14, 14), (2, 32, 3, 3), {}),
    "of one element": ((2, 64, 14, 14), (32, 64, 1, 1), {}),
    "transposed": ((2, 8, 20, 19), (8, 40, 3, 3), {"stride": 2, "transposed": True}),
}
needs_onednn = pytest.mark.skipif(
    library_path() is None, reason="oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64"
)


@pytest.mark.parametrize("of", ["built-in", pytest.param("oneDNN", marks=needs_onednn)])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(monkeypatch, name, of):
    size, weight, options = CONVOLUTIONS[name]
    if of == "built-in":
        monkeypatch.setattr("facula.graph.runtime.gathered.has_onednn", lambda: False)
    dims = len(size) - 2
    transposed = options.get("transposed", False)
    options = {k: v for k, v in options.items() if k != "transposed"}
    convolve = getattr(F, f"conv{'_transpose' * transposed}{dims}d")
    channels = weight[1] if transposed else weight[0]
    scale = draw(channels, *(1,) * dims, seed=2)

    def f(x, w, b, last):
        y = F.gelu(convolve(x, w, None, **options) * scale + b)
        return getattr(F, f"conv{dims}d")(
            y, last
        )  # a result would be turned over, which a convolution doesn't do

    last = draw(3, channels, *(1,) * dims, seed=4)
    inputs = draw(*size), draw(*weight, seed=1), draw(channels, *(1,) * dims, seed=3), last
    (found,), joined = same(monkeypatch, f, inputs)
    assert joined == 1
    np.testing.assert_allclose(found, f(*inputs).numpy(), rtol=1e-3, atol=1e-3)


def test_a_residual_network_is_a_nest_a_layer():
    """Batch norm, activation and what is added are done by the convolutions."""

    def layer(i, o, k):
        return facula.nn.Conv2d(i, o, k, padding=k // 2, bias=False), facula.nn.BatchNorm2d(o)

    modules = facula.nn.ModuleList(
        [*layer(128, 64, 1), *layer(64, 64, 3), *layer(64, 128, 1)]
    ).eval()

    def f(x):
        y = F.relu(modules[1](modules[0](x)))
        y = F.relu(modules[3](modules[2](y)))
        return modules[0](F.relu(x + modules[5](modules[4](y))))

    run = facula.compile(f, backend="replay")
    with facula.no_grad():
        run(draw(1, 128, 8, 8))
    nests = [
        n for n in Making(run.graph, 2).nests if any(m.nbytes >= 4 * 64 * 64 for m in n.written)
    ]
    assert [n.then is not None for n in nests if hasattr(n, "then")] == [*3 * [True], False]


REFUSED = {
    "read twice": lambda x, w, b: ((y := x @ w) + b, y * 2),
    "turned": lambda x, w, b: (x @ w).t() + b[:, None],
    "short": lambda x, w, b: x[:, :20] @ w[:20] + b,
    "halves": lambda x, w, b: (x @ w + b).half(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_product_does_not_do(monkeypatch, name):
    f = REFUSED[name]
    inputs = draw(70, 64), draw(64, 80, seed=1), draw(80, seed=2)
    found, joined = same(monkeypatch, f, inputs, threads=(2,))
    expected = f(*inputs)
    assert joined == 0
    for a, b in zip(found, expected if isinstance(expected, tuple) else (expected,), strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-3, atol=1e-4)


def test_an_error_in_a_map_that_a_product_does_leaves_inputs_as_they_were():
    table, total = draw(10, 80), facula.zeros(70, 80)

    @facula.compile(backend="c")
    def f(x, w, index):
        total.add_(x @ w + table[index])

    x, w, index = draw(70, 64), draw(64, 80, seed=1), facula.arange(70) % 10
    for _ in range(2):
        f(x, w, index)
    before = total.numpy().copy()
    index[5] = 10
    with pytest.raises(IndexError):
        f(x, w, index)
    np.testing.assert_array_equal(total.numpy(), before)


def test_what_is_updated_in_place_is_not_the_products(monkeypatch):
    weight = draw(64, 80)

    @facula.compile(backend="c")
    def f(x, g):
        weight.sub_(0.1 * (x.t() @ g))
        return weight.sum()

    x, g = draw(100, 64, seed=1), draw(100, 80, seed=2)
    expected = weight.numpy() - 3 * 0.1 * (x.numpy().T @ g.numpy())
    for _ in range(3):
        f(x, g)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_products_do_maps_too(monkeypatch):
    x, w, b = draw(70, 64).bfloat16(), draw(64, 80, seed=1).bfloat16(), draw(80, seed=2)
    (found,), joined = same(monkeypatch, lambda x, w, b: F.relu((x @ w).float() + b), (x, w, b))
    assert joined <= 1
    np.testing.assert_allclose(found, F.relu((x @ w).float() + b).numpy(), rtol=1e-2, atol=1e-2)
