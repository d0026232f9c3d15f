"""Convolutions and pooling in compiled programs: by oneDNN, by the built-in kernel, unfolded; in layouts that stay from layer to layer."""

from __future__ import annotations

import pytest

import facula
from facula import nn
from facula.graph.compiler import convolve
from facula.graph.runtime import gathered, has_onednn, unit
from facula.nn import functional as F

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(params=["oneDNN", "built-in", "unfolded"], autouse=True)
def library(request, monkeypatch):
    if request.param == "built-in":
        monkeypatch.setattr(gathered, "has_onednn", lambda: False)
    elif request.param == "unfolded":  # as other dtypes are
        monkeypatch.setattr(convolve, "_fits", lambda *arrays: False)
    elif not has_onednn():
        pytest.skip("the wheel onednn-cpu-gomp is not installed")
    return request.param


CASES = {
    "plain": (lambda: nn.Conv2d(4, 6, 3), (2, 4, 9, 8)),
    "one sample, stride, padding": (lambda: nn.Conv2d(3, 8, 3, stride=2, padding=1), (1, 3, 11, 9)),
    "dilation, no bias": (lambda: nn.Conv2d(4, 4, 3, dilation=2, bias=False), (3, 4, 9, 9)),
    "groups": (lambda: nn.Conv2d(8, 16, 3, groups=4, padding=1), (2, 8, 7, 7)),
    "depthwise": (lambda: nn.Conv2d(8, 8, 3, groups=8, padding=1), (2, 8, 7, 7)),
    "pointwise, stride": (lambda: nn.Sequential(nn.Conv2d(4, 6, 1, stride=2), nn.Conv2d(6, 5, 1, bias=False)), (3, 4, 7, 6)),
    "pointwise, transposed": (
        lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 1), nn.ConvTranspose2d(6, 5, 1, stride=2, bias=False)), (2, 4, 5, 6),
    ),
    "pointwise 1d": (lambda: nn.Conv1d(5, 7, 1, stride=3), (4, 5, 20)),
    "1d": (lambda: nn.Conv1d(5, 7, 4, stride=3), (4, 5, 20)),
    "3d": (lambda: nn.Conv3d(2, 3, 2), (2, 2, 5, 4, 3)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1), (2, 6, 5, 4)),
    "batch norm, relu, pool": (
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 4, 3), nn.Flatten()),
        (4, 3, 12, 12),
    ),
    "pool with a rest": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d((2, 3))), (2, 3, 9, 9)),
    "overlapping pool": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 2, 1)), (2, 3, 9, 9)),
    "pool over the edge": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, (2, 4), 1, ceil_mode=True), nn.Conv2d(4, 2, 2)), (2, 3, 10, 11),
    ),
    "channels in the middle": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.Linear(36, 5), nn.Unflatten(1, (2, 2)), nn.Flatten()),
        (2, 3, 8, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_forward_and_gradients_equal_eager(name, threads):
    make, shape = CASES[name]
    facula.manual_seed(0)
    model, x = make(), facula.randn(*shape)
    before = facula.get_num_threads()
    facula.set_num_threads(threads)

    def step(x):
        x = x.detach().requires_grad_()
        out = model(x)
        grads = facula.autograd.grad((out * out.cos()).sum(), [x, *model.parameters()])
        return out.detach(), *grads

    try:
        expected = step(x)
        compiled = facula.compile(step, backend="c")
        for _ in range(2):  # the second call runs in memory that the first has used
            got = compiled(x)
        for a, b in zip(got, expected):
            _close(a, b)
    finally:
        facula.set_num_threads(before)


def _close(a, b):
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= 2e-4 * (1 + float(b.abs().max()))


def test_nan_reaches_the_maximum_and_its_gradient_as_in_eager():
    x = facula.randn(1, 2, 4, 4)
    x[0, 0, 1, 1] = float("nan")

    def step(x):
        x = x.detach().requires_grad_()
        out = F.max_pool2d(x, 2)
        return out.detach(), facula.autograd.grad(out.sum(), x)[0]

    for a, b in zip(facula.compile(step, backend="c")(x), step(x)):
        assert a.isnan().tolist() == b.isnan().tolist()
        assert a.nan_to_num().tolist() == b.nan_to_num().tolist()


def test_a_view_of_what_lies_with_channels_last_is_as_at_capture():
    conv, x = nn.Conv2d(3, 4, 3), facula.randn(2, 3, 6, 6)
    f = lambda x: conv(x).detach().view(2, 2, 32).sum(1)  # noqa: E731
    _close(facula.compile(f, backend="c")(x), f(x))
