"""Convolutions in compiled programs: one call each, of oneDNN or the built-in kernel, eager's numbers with any number of threads."""

from math import prod

import numpy as np
import pytest

import facula
from facula import nn
from facula.graph.codegen.elements import FLOAT32
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.convolve import Convolve
from facula.graph.compiler.lower import Launch, Memory
from facula.graph.compiler.nests import CallNest, Load
from facula.graph.compiler.planned import Planned
from facula.graph.compiler.schedule import schedule
from facula.graph.runtime import gathered, has_onednn, unit
from facula.nn import functional as F

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(params=["oneDNN", "built-in"], autouse=True)
def library(request, monkeypatch):
    if request.param == "built-in":
        monkeypatch.setattr(gathered, "has_onednn", lambda: False)
    elif not has_onednn():
        pytest.skip("oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64")


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


@pytest.mark.parametrize("same", [True, False])
def test_a_plan_is_not_begun_again_before_all_have_ended(same):
    """Its threads take steps as they come to them; apart from that, nothing stands between two nests that share no memory."""
    memories = [Memory(64) for _ in range(4)]
    plans = [Planned(0, (0,), request=(i,)) for i in range(2)]
    plans = plans[:1] * 2 if same else plans
    nests = [
        CallNest((), Launch(plan, ()), outputs=[out], inputs=[Load(a, FLOAT32, -1, ())])
        for plan, out, a in zip(plans, memories, memories[2:])
    ]
    _, waits = schedule(nests, 2, {m: (i, 0) for i, m in enumerate(memories)})
    assert waits == [False, same]


def test_batch_norm_in_training_passes_over_memory_as_seldom_as_can_be():
    """Forward two sums (nothing reads the result); backward ReLU's gradient, two sums of it and the map; and the input's layout."""
    norm, shape = nn.BatchNorm2d(16), (8, 16, 14, 14)

    def step(x, w, v):
        w = w.detach().requires_grad_()
        F.conv2d(norm(F.conv2d(x, w)).relu(), v).sum().backward()
        return w.grad

    compiled = facula.compile(step, backend="c")
    compiled(facula.randn(8, 16, 16, 16), *facula.randn(2, 16, 16, 3, 3))
    nests = [n for n in Making(compiled.graph, 2).nests if not isinstance(n, CallNest)]
    passes = [n for n in nests if any(x.memory.nbytes >= 4 * prod(shape) for x in n.read)]
    assert len(passes) == 6
    assert (
        max(len({x.memory for x in n.read if x.memory.nbytes >= 4 * prod(shape)}) for n in passes)
        == 2
    )


def _noting(made, init):
    def noting(self, threads, kind, *geometry):
        made.append(kind)
        init(self, threads, kind, *geometry)

    return noting
