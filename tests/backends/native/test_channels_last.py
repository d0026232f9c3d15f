"""Convolution, batch norm and max pooling with channels last: NumPy's numbers, and layouts that programs don't notice."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import backend_for
from facula.graph.runtime import gathered, has_onednn
from facula.nn import functional as F
from facula.ops import OPS
from facula_native import conv, units
from facula_numpy.backend import NumpyBackend

PLAIN = NumpyBackend(facula.device("cpu"))
for _op in OPS.values():
    PLAIN.bind(_op)
OURS = backend_for("cpu")


@pytest.fixture(autouse=True)
def _no_array_is_small(monkeypatch):
    monkeypatch.setattr(units, "SMALL", 0)


@pytest.fixture(params=["oneDNN", "built-in"])
def library(request, monkeypatch):
    """Whose convolutions these are."""
    if request.param == "built-in":
        monkeypatch.setattr(gathered, "has_onednn", lambda: False)
    elif not has_onednn():
        pytest.skip("oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64")
    conv._plan.cache_clear()
    yield request.param
    conv._plan.cache_clear()


def draw(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def last(x):
    """The same array with channels last in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def is_last(x):
    return np.moveaxis(x, 1, -1).flags.c_contiguous


CASES = {
    "plain": ((4, 8, 9, 10), (16, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "one sample, few rows": ((1, 8, 5, 6), (7, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "three samples": ((3, 5, 11, 7), (6, 5, 5, 3), (2, 1), (2, 0), (1, 1), 1),
    "one row": ((1, 4, 1, 9), (4, 4, 1, 3), (1, 2), (0, 1), (1, 1), 1),
    "dilated": ((2, 6, 12, 12), (8, 6, 3, 3), (1, 1), (2, 2), (2, 2), 1),
    "rest": ((2, 4, 10, 10), (6, 4, 3, 3), (3, 3), (0, 0), (1, 1), 1),
    "groups": ((4, 6, 8, 8), (9, 2, 3, 3), (2, 2), (1, 1), (1, 1), 3),
    "depthwise": ((4, 32, 8, 8), (32, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32),
    "depthwise, two each": ((2, 5, 8, 8), (10, 1, 3, 3), (2, 1), (1, 1), (1, 1), 5),
    "1 x 1": ((2, 40, 7, 7), (130, 40, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    "1 x 1, stride 1": ((2, 40, 7, 7), (130, 40, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1-d": ((3, 6, 50), (10, 6, 5), (2,), (2,), (1,), 1),
    "3-d": ((2, 4, 6, 7, 5), (6, 4, 3, 3, 2), (2, 1, 1), (1, 1, 0), (1, 1, 1), 1),
    "padding beyond": ((1, 3, 4, 4), (5, 3, 3, 3), (1, 1), (3, 3), (1, 1), 1),
}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("lay", [np.asarray, last], ids=["plain", "last"])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_convolutions_are_float64s(case, threads, lay):
    shape, kernel, stride, padding, dilation, groups = CASES[case]
    x, w, b = draw(*shape), draw(*kernel), draw(kernel[0])
    zeros = (0,) * len(stride)
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        options = stride, padding, dilation, False, zeros, groups
        out = OURS.convolution(lay(x), w, b, *options)
        wide = PLAIN.convolution(*(a.astype(float) for a in (x, w, b)), *options)
        g = draw(*out.shape, seed=1)
        to_w = OURS.convolution_weight_grad(lay(x), lay(g), w.shape[2:], stride, padding, dilation, groups)  # fmt: skip
        wide_w = PLAIN.convolution_weight_grad(
            x.astype(float), g.astype(float), w.shape[2:], stride, padding, dilation, groups
        )
        adjoint = stride, padding, dilation, True, zeros, groups
        c = draw(kernel[1] * groups, seed=2)
        to_x = OURS.convolution(lay(g), w, c, *adjoint)
        wide_x = PLAIN.convolution(*(a.astype(float) for a in (g, w, c)), *adjoint)
    finally:
        facula.set_num_threads(before)
    for found, expected in ((out, wide), (to_w, wide_w), (to_x, wide_x)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-5)
    assert is_last(out) and is_last(to_x) and to_w.flags.c_contiguous


@pytest.mark.usefixtures("library")
def test_not_finite_weights_and_inputs_are_numpys():
    x, w = draw(1, 3, 6, 6), draw(4, 3, 3, 3)
    x[0, 1, 2, 2], w[1, 0, 0, 0] = np.nan, np.inf
    options = (
        (1, 1),
        (0, 0),
        (1, 1),
        False,
        (0, 0),
        1,
    )  # padding isn't multiplied: no infinity becomes NaN there
    found, expected = (k.convolution(x, w, None, *options) for k in (OURS, PLAIN))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_other_dtypes_are_numpys(dtype):
    x, w = draw(2, 3, 6, 6).astype(dtype), draw(4, 3, 3, 3).astype(dtype)
    options = (1, 1), (1, 1), (1, 1), False, (0, 0), 1
    np.testing.assert_array_equal(OURS.convolution(x, w, None, *options), PLAIN.convolution(x, w, None, *options))  # fmt: skip


@pytest.mark.usefixtures("library")
def test_a_result_can_be_viewed_as_if_it_lay_in_order():
    conv = nn.Conv2d(3, 8, 3)
    x = F.max_pool2d(F.relu(conv(facula.randn(4, 3, 10, 10))), 2)
    flat = x.view(-1, 8 * 4 * 4)
    assert (flat == x.reshape(4, -1)).all()
    flat.sum().backward()
    assert conv.weight.grad.shape == (8, 3, 3, 3)
    flat.detach().zero_()
    assert x.abs().sum().item() == 0  # a view it is


@pytest.mark.usefixtures("library")
def test_memory_that_others_see_is_not_moved():
    with facula.no_grad():
        x = F.conv2d(facula.randn(4, 3, 10, 10), facula.randn(8, 3, 3, 3))
        first = x[0]
        with pytest.raises(RuntimeError, match=r"Use \.reshape"):
            x.view(-1)
        del first
        array = x.numpy()
        with pytest.raises(RuntimeError, match=r"Use \.reshape"):
            x.view(-1)
        del array
        assert x.view(-1).shape == (4 * 8 * 8 * 8,)
    turned = facula.randn(3, 4).t()
    with pytest.raises(RuntimeError, match=r"Use \.reshape"):
        turned.view(-1)
    shared = facula.from_numpy(np.ones((3, 4), np.float32).T)
    with pytest.raises(RuntimeError, match=r"Use \.reshape"):
        (lambda kept: shared.view(-1))(shared.numpy())


SHAPES = [(6, 5), (3, 7, 4), (40, 130, 5, 7), (2, 3, 2, 3), (700, 33, 3, 3)]


@pytest.mark.parametrize("lay", [np.asarray, last], ids=["plain", "last"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_is_float64s(shape, affine, lay):
    x, c = draw(*shape) * 2 + 30, shape[1]
    w, b = (draw(c, seed=1), draw(c, seed=2)) if affine else (None, None)
    wide = [None if a is None else a.astype(float) for a in (x, w, b)]
    out, mean, var = OURS.batch_norm_train(lay(x), w, b, 1e-5)
    for found, expected in zip((out, mean, var), PLAIN.batch_norm_train(*wide, 1e-5)):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-4)
    g = draw(*shape, seed=3)
    grads = OURS.batch_norm_gradient(lay(g), lay(x), mean, var, w, 1e-5)
    exact = mean.astype(float), var.astype(float)
    expected = PLAIN.batch_norm_gradient(g.astype(float), wide[0], *exact, wide[1], 1e-5)
    for a, e in zip(grads, expected):
        np.testing.assert_allclose(a, e, rtol=2e-4, atol=2e-5 * np.abs(e).max())
    if len(shape) > 3:
        assert out.strides == lay(x).strides == grads[0].strides


def test_the_variance_of_large_numbers_keeps_its_digits():
    x = last(1e4 + draw(64, 8, 9, 9))
    x[0, :, 0, 0] = -1e5  # the first value is far from the others
    found = OURS.batch_norm_train(x, None, None, 0.0)[2]
    np.testing.assert_allclose(found, x.astype(float).var((0, 2, 3)), rtol=1e-5)


POOLS = [
    ((2, 5, 8, 9), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((3, 70, 7, 8), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((3, 4, 7, 8), (3, 2), (2, 3), (1, 1), (2, 1), True),
    ((2, 6, 9, 9), (2, 2), (3, 3), (0, 0), (1, 1), True),
    ((2, 6, 20), (3,), (2,), (1,), (2,), False),
]


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pooling_is_numpys(case):
    shape, *options = case
    x = np.round(draw(*shape) * 2)  # many equals: the first of them gets the gradient
    x[0, 0, 1] = np.nan
    x[-1, -1, 1] = -np.inf
    out, expected = OURS.max_pool(last(x), *options), PLAIN.max_pool(x, *options)
    np.testing.assert_array_equal(out, expected)
    g = draw(*out.shape, seed=1)
    found = OURS.max_pool_grad(last(g), last(x), out, *options)
    np.testing.assert_allclose(
        found, PLAIN.max_pool_grad(g, x, expected, *options), rtol=1e-6, atol=1e-6
    )
    assert is_last(out) and is_last(found)


@pytest.mark.usefixtures("library")
def test_threads_may_convolve_at_once():
    """Each has its own memory for weights in oneDNN's order and for partial gradients."""
    work = []
    for i, kernel in enumerate((3, 5, 3, 5)):
        x, w = (
            facula.tensor(draw(4, 32, 16, 16, seed=i)),
            facula.tensor(draw(64, 32, kernel, kernel)),
        )
        work.append((x, w, F.conv2d(x, w)))

    def same(at):
        x, w, expected = work[at % 4]
        return facula.equal(F.conv2d(x, w), expected)

    with facula.enable_grad(), ThreadPoolExecutor(4) as pool:
        assert all(pool.map(same, range(400)))


def test_without_onednn_convolutions_are_built_in():
    """As on machines for which there is no wheel: nothing of oneDNN's is loaded."""
    script = """
import facula
from facula.nn import functional as F
x, w = facula.randn(2, 8, 9, 9, requires_grad=True), facula.randn(16, 8, 3, 3, requires_grad=True)
out = F.conv2d(x, w)
out.square().sum().backward()
found = out.detach().numpy(), x.grad.numpy(), w.grad.numpy()
wide = [t.detach().double().requires_grad_() for t in (x, w)]
expected = F.conv2d(*wide)
expected.square().sum().backward()
for a, b in zip(found, (expected.detach(), *(t.grad for t in wide))):
    assert abs(a - b.numpy()).max() < 1e-5 * abs(b.numpy()).max()
print(found[0].transpose(0, 2, 3, 1).flags.c_contiguous)
"""
    environment = {**os.environ, "FACULA_ONEDNN": "", "FACULA_NATIVE_SMALL": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["True"], "")
