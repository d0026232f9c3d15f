"""The built-in convolution: float64's numbers for all kinds and layouts, the same bits with any number of threads."""

from itertools import product
from math import prod

import numpy as np
import pytest

from facula.graph.runtime import has_onednn, unit
from facula.graph.runtime.convolution import SLOTS, Convolution
from facula_numpy.conv import convolution, convolution_weight_grad

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

from facula.graph.runtime import gathered


def draw(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def last(x):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def run(kind, c, threads, *arrays):
    """Input, weight, bias, output, activations as (N, C, *size); the one that is None is made, and given back."""
    shapes = {"forward": (c.outputs, c.out), "backward_input": (c.channels, c.size)}
    if kind == "backward_weights":
        made = np.full((c.outputs, c.channels // c.groups, *c.kernel), 7, np.float32)
        x, _, bias, grad = arrays
        given = last(x), made, bias, last(grad)
    else:
        channels, size = shapes[kind]
        made = np.full((c.n, *size, channels), 7, np.float32)
        x, w, bias, _ = arrays
        given = last(x), w, bias, made
    plan = gathered.Plan(kind, c, threads)
    workspace = np.full(plan.workspace // 4 + 16, np.nan, np.float32)
    at = workspace.ctypes.data
    pointers = [0 if x is None else x.ctypes.data for x in given]
    assert plan.runner(SLOTS)(threads, *pointers, at + -at % 64) == 0
    return made if kind == "backward_weights" else np.moveaxis(made, -1, 1)


def all_kinds(x, w, stride, padding, dilation, groups, threads=2):
    """(found, expected) of the three kinds; expected are float64's."""
    c = Convolution.of(x.shape, w.shape, stride, padding, dilation, groups)
    more = tuple(p - b for p, b in zip(padding, c.behind))  # what windows leave over at the end
    bias, of_x = draw(c.outputs, seed=1), draw(c.channels, seed=2)
    g = draw(c.n, c.outputs, *c.out, seed=3)
    zeros = (0,) * len(stride)
    x64, w64, g64 = (a.astype(float) for a in (x, w, g))
    options = stride, padding, dilation
    return (
        (run("forward", c, threads, x, w, bias, None), convolution(x64, w64, bias.astype(float), *options, False, zeros, groups)),
        (run("backward_input", c, threads, g, w, of_x, None), convolution(g64, w64, of_x.astype(float), *options, True, more, groups)),
        (run("backward_weights", c, threads, x, None, None, g), convolution_weight_grad(x64, g64, w.shape[2:], *options, groups)),
    )  # fmt: skip


def close(found, expected, terms):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6 * max(terms, 16) ** 0.5)


#: Channels read, made, size and kernel, of which as many axes are taken as there are.
SHAPES = {
    "few": (4, 6, (9, 8, 7), (3, 2, 3)),
    "more than a panel": (2, 34, (12, 11, 10), (1, 3, 3)),
    "tiles of neighbours": (70, 18, (7, 6, 5), (3, 3, 1)),
}
OPTIONS = list(product((1, 2, 3), (0, 1, 3), (1, 2), (1, 2)))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "s{} p{} d{} g{}".format(*o))
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_kinds_are_float64s(shape, dims, options):
    channels, outputs, size, kernel = SHAPES[shape]
    stride, padding, dilation, groups = options
    x, w = draw(3, channels, *size[:dims]), draw(outputs, channels // groups, *kernel[:dims])
    if any((k - 1) * dilation >= n + 2 * padding for k, n in zip(kernel[:dims], size)):
        pytest.skip("the kernel is larger than what it sees")
    each = ((n,) * dims for n in (stride, padding, dilation))
    for found, expected in all_kinds(x, w, *each, groups):
        close(found, expected, x.size * prod(kernel[:dims]))


LARGE = {
    "blocks of rows": ((2, 64, 40, 40), (64, 64, 3, 3), 1, 1, 1),
    "blocks of depth": ((1, 300, 9, 9), (40, 300, 3, 3), 1, 1, 1),
    "samples together": ((40, 1, 28, 28), (32, 1, 3, 3), 1, 1, 1),
    "the first of ResNet": ((1, 3, 96, 96), (64, 3, 7, 7), 2, 3, 1),
    "depthwise": ((2, 40, 9, 9), (40, 1, 3, 3), 1, 1, 40),
    "depthwise, two each": ((2, 20, 9, 9), (40, 1, 3, 3), 2, 1, 20),
    "narrow groups": ((2, 32, 9, 9), (64, 4, 3, 3), 1, 1, 8),
    "sound": ((2, 1, 6000), (32, 1, 80), 4, 38, 1),
    "a kernel smaller than its stride": ((2, 5, 20, 20), (7, 5, 2, 2), 4, 0, 1),
    "padding beyond the kernel": ((2, 5, 6, 6), (7, 5, 1, 3), 1, 3, 1),
    "few made": ((2, 64, 20, 20), (3, 64, 3, 3), 1, 1, 1),
    "few made, a rest of channels": ((2, 37, 20, 20), (2, 37, 3, 3), 2, 1, 1),
    "few made by the input": ((2, 1, 20, 20), (48, 1, 5, 5), 1, 2, 1),
}


@pytest.mark.parametrize("name", LARGE)
def test_bits_do_not_depend_on_threads(name):
    shape, kernel, stride, padding, groups = LARGE[name]
    x, w = draw(*shape), draw(*kernel)
    each = [(n,) * (len(shape) - 2) for n in (stride, padding, 1)]
    one, two, three = (all_kinds(x, w, *each, groups, threads) for threads in (1, 2, 3))
    for (a, expected), (b, _), (c, _) in zip(one, two, three):
        close(a, expected, x.size)
        assert (a == b).all() and (a == c).all()


def test_what_is_not_finite_flows_as_in_numpy():
    x, w = draw(2, 3, 7, 7), draw(4, 3, 3, 3)
    x[0, 1, 2, 2], x[1, 0, 6, 6], w[1, 0, 0, 0] = np.nan, np.inf, -np.inf
    c = Convolution.of(x.shape, w.shape, (1, 1), (1, 1), (1, 1), 1)
    found = run("forward", c, 2, x, w, None, None)
    expected = convolution(x, w, None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1)
    for test in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(test(found), test(expected))
    found = run("backward_weights", c, 2, x, None, None, draw(2, 4, 7, 7))
    expected = convolution_weight_grad(x, draw(2, 4, 7, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


@pytest.mark.parametrize(
    ("kind", "x", "w", "is_ours"),
    [
        ("forward", (2, 64, 9, 9), (3, 64, 3, 3), True),
        ("forward", (2, 64, 9, 9), (8, 64, 3, 3), False),
        ("backward_input", (2, 3, 9, 9), (64, 3, 3, 3), True),
        ("backward_input", (2, 64, 9, 9), (3, 64, 3, 3), False),
        ("backward_weights", (2, 64, 9, 9), (3, 64, 3, 3), False),
        ("forward", (2, 64, 9, 9), (64, 1, 3, 3), False),
    ],
)
def test_few_results_of_many_channels_are_not_onednns(kind, x, w, is_ours):
    if not has_onednn():
        pytest.skip("oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64")
    c = Convolution.of(x, w, (1, 1), (1, 1), (1, 1), x[1] // w[1])
    assert isinstance(gathered.plan(kind, c, 2), gathered.Plan) == is_ours
