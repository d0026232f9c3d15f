"""Convolutions in compiled programs: one call each where oneDNN is there, eager's numbers with any number of threads."""

import numpy as np
import pytest

import facula
from facula.graph.compiler.convolve import Convolve
from facula.graph.runtime.onednn import library_path
from facula.nn import functional as F

pytestmark = pytest.mark.skipif(
    library_path() is None, reason="oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64"
)


def gradients(x, w, b, transposed, options):
    x, w, b = (t.detach().requires_grad_() for t in (x, w, b))
    out = (F.conv_transpose2d if transposed else F.conv2d)(x, w, b, **options)
    (out * out).sum().backward()
    return out, x.grad, w.grad, b.grad


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"groups": 2, "dilation": 2}])  # fmt: skip
def test_all_gradients_are_eagers(threads, transposed, options):
    x, b = facula.randn(3, 8, 9, 10), facula.randn(8)
    w = facula.randn(8, 8 // options.get("groups", 1), 3, 3)
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        compiled = facula.compile(lambda *t: gradients(*t, transposed, options), backend="c")
        for _ in range(2):
            found = compiled(x, w, b)
        expected = gradients(*(t.double() for t in (x, w, b)), transposed, options)
    finally:
        facula.set_num_threads(before)
    for a, e in zip(found, expected):
        scale = np.abs(e.detach().numpy()).max()
        np.testing.assert_allclose(a.detach().numpy(), e.detach().numpy(), rtol=1e-4, atol=1e-5 * scale)  # fmt: skip


def test_a_convolution_is_one_nest(monkeypatch):
    made = []
    monkeypatch.setattr(Convolve, "__init__", _noting(made, Convolve.__init__))
    run = facula.compile(lambda x, w: F.conv2d(x, w).relu(), backend="c")
    run(facula.randn(2, 4, 8, 8), facula.randn(4, 4, 3, 3))
    assert made == ["forward"]


def _noting(made, init):
    def noting(self, kind, plan):
        made.append(kind)
        init(self, kind, plan)

    return noting
