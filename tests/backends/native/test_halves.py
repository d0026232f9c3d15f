"""bfloat16 in C: casts to the bit, loops and products that round once, with the CPU's instructions and without them."""

import numpy as np
import pytest

import facula
from facula.autograd import grad
from facula.backends import backend_for
from facula.graph.runtime import has_bfloat16
from facula.nn import functional as F
from facula_native import conv

pytestmark = pytest.mark.usefixtures("every_size")
BF16 = facula.bfloat16.dtype
#: Half of the distance between neighbours, relatively: 8 bits of significand.
UNIT = 2.0**-8
random = np.random.default_rng(7)
backend = backend_for("cpu")


def drawn(*shape):
    return facula.from_numpy(random.normal(size=shape).astype(np.float32)).bfloat16()


EVERY = np.arange(1 << 16, dtype=np.uint16)


def test_every_bfloat16_is_widened():
    found = backend.cast(EVERY.view(BF16), np.dtype(np.float32))
    assert found.view(np.uint32).tolist() == (EVERY.astype(np.uint32) << 16).tolist()


@pytest.mark.parametrize("dtype", [facula.bfloat16, facula.float16], ids=str)
def test_an_approximation_that_there_is_not_is_an_error(dtype):
    with pytest.raises(RuntimeError, match="approximate"):
        F.gelu(drawn(3).to(dtype), approximate="foo")


def test_casts_round_to_nearest_even():
    """Each number, those halfway to the next (ties), and their neighbours: what ml_dtypes says; NaN stays one."""
    around = (EVERY.astype(np.uint32)[:, None] << 16) + [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]
    x = around.astype(np.uint32).view(np.float32)
    found = backend.cast(x, BF16)
    numbers = ~np.isnan(x)
    with np.errstate(over="ignore"):
        expected = x.astype(BF16)
    assert np.array_equal(found.view(np.uint16)[numbers], expected.view(np.uint16)[numbers])
    assert np.isnan(found[~numbers]).all()


@pytest.mark.parametrize(
    "x",
    [
        np.float32(1.7) * np.ones(()),
        np.ones((0, 3)),
        np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
        np.arange(20.0)[::-2],
        np.broadcast_to(np.arange(3.0), (4, 3)),
    ],
    ids=lambda x: f"{x.shape}{x.strides}",
)
def test_casts_of_any_layout(x):
    x = x.astype(np.float32)
    half = backend.cast(x, BF16)
    assert half.dtype == BF16 and half.shape == x.shape and np.array_equal(half, x.astype(BF16))
    assert np.array_equal(backend.cast(half[...], x.dtype), half.astype(np.float32))
    if x.ndim == 3:
        assert [s // 2 for s in half.strides] == [s // 4 for s in x.strides]


ONES = {
    "relu": F.relu, "gelu": F.gelu, "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
}  # fmt: skip


@pytest.mark.parametrize("name", ONES)
def test_activations_round_once(name):
    x = facula.from_numpy(EVERY.view(BF16)).requires_grad_()
    wide = x.detach().float().requires_grad_()
    out, expected = ONES[name](x), ONES[name](wide)
    (g,), (e,) = grad(out, x, facula.ones_like(out)), grad(expected, wide, facula.ones_like(wide))
    for found, exact in ((out, expected), (g, e)):
        assert found.dtype is facula.bfloat16
        np.testing.assert_array_equal(found.detach().float(), exact.detach().bfloat16().float())


PRODUCTS = {
    "matmul": (lambda a, b: a @ b, (40, 70), (70, 50)),
    "of columns": (lambda a, b: a.T @ b.T, (70, 40), (50, 70)),
    "vector": (lambda a, b: a @ b, (40, 70), (70,)),
    "batches": (lambda a, b: a @ b, (3, 2, 20, 30), (3, 2, 30, 10)),
    "broadcast": (lambda a, b: a @ b, (3, 20, 30), (30, 10)),
    "linear": (F.linear, (4, 9, 30), (20, 30), (20,)),
    "linear, one row": (F.linear, (1, 30), (20, 30), (20,)),
    "convolution": (lambda *t: F.conv2d(*t, padding=1), (3, 8, 9, 7), (16, 8, 3, 3), (16,)),
    "stride": (lambda *t: F.conv2d(*t, stride=2), (2, 6, 9, 9), (4, 6, 3, 3), (4,)),
    "groups": (lambda *t: F.conv2d(*t, groups=2), (2, 6, 9, 9), (4, 3, 3, 3), (4,)),
    "1 x 1": (F.conv2d, (2, 6, 9, 9), (4, 6, 1, 1), (4,)),
    "transposed": (F.conv_transpose2d, (2, 6, 5, 5), (6, 4, 3, 3), (4,)),
    "1-d": (F.conv1d, (2, 6, 30), (4, 6, 5)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_round_once(name, is_native):
    """The result and all gradients, against float64 of the same numbers: half a unit in the last place, and float32's sums."""
    function, *shapes = PRODUCTS[name]
    given = [drawn(*s).requires_grad_() for s in shapes]
    wide = [t.detach().double().requires_grad_() for t in given]
    out, expected = function(*given), function(*wide)
    g = drawn(*out.shape)
    found = [out, *grad(out, given, g)]
    exact = [expected, *grad(expected, wide, g.double())]
    for a, e in zip(found, exact):
        assert a.dtype is facula.bfloat16
        e = e.detach().numpy()
        error = np.abs(a.detach().double().numpy() - e)
        assert (error <= UNIT * np.abs(e) + 1e-5 * np.abs(e).max()).all()


def test_special_values_in_products(is_native):
    x, w = drawn(20, 40), drawn(30, 40)
    x[3, 5], x[7, 0] = float("nan"), float("inf")
    out = F.linear(x, w).float().numpy()
    assert np.isnan(out[3]).all() and not np.isfinite(out[7]).any()
    assert np.isfinite(np.delete(out, [3, 7], 0)).all()


def test_float32_stays_float32():
    """Only what is bfloat16 is multiplied as such."""
    x, w = (random.normal(size=(64, 64)).astype(np.float32) for _ in range(2))
    out = (facula.from_numpy(x) @ facula.from_numpy(w)).numpy()
    np.testing.assert_allclose(out, x.astype(float) @ w, atol=2e-5)


@pytest.mark.parametrize("padding", [0, 1])
def test_pooling_of_halves(padding):
    """Choices are exact, and a gradient is a sum that is rounded once."""
    x = drawn(3, 8, 9, 9).contiguous(memory_format=facula.channels_last).requires_grad_()
    wide = x.detach().float().requires_grad_()
    out, expected = (F.max_pool2d(t, 3, stride=2, padding=padding) for t in (x, wide))
    g = drawn(*out.shape)
    (found,), (exact,) = grad(out, x, g), grad(expected, wide, g.float())
    assert out.dtype is found.dtype is facula.bfloat16
    assert np.array_equal(out.detach().float(), expected.detach())
    assert np.array_equal(found.float(), exact.bfloat16().float())


def test_convolutions_are_given_bfloat16(monkeypatch):
    """Forward and back, where the CPU has instructions: no float32 copies are made of what they multiply."""
    factors = []

    def run(plan, source, weight, bias, out):
        factors.append([x.dtype for x in (source, weight, out)])
        _run(plan, source, weight, bias, out)

    _run = conv._run
    monkeypatch.setattr(conv, "_run", run)
    x, w = drawn(2, 4, 9, 9).requires_grad_(), drawn(6, 4, 3, 3).requires_grad_()
    F.conv2d(x, w).sum().backward()
    assert len(factors) == (3 if conv._is_ready() else 0)
    halves = 2 if has_bfloat16() else 0
    assert all(kinds.count(BF16) >= halves for kinds in factors)
