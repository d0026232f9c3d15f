"""The graph as text, and its reference executor: the toy device, which is nothing but the definitions."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.testing import c_device

TEXT = """\
graph(%arg0: float32[3, 4], %arg1: float32[4, 2]) -> (float32[3, 1], float32[3], int64[3]) {
    %0: float32[3, 2] = matmul(%arg0, %arg1)
    %1: float32[3, 2] = relu(%0)
    %2: float32[3], %3: int64[3] = max(%1, dim=1, keepdim=False)
    %4: float32[3, 1] = sum(%1, dim=(1,), keepdim=True, dtype=None)
    %5: float32[3, 1] = mul(%4, 2.0)
    return %5, %2, %3
}"""


@pytest.fixture
def graph():
    @facula.compile
    def step(x, w):
        y = facula.relu(x @ w)
        values, places = facula.max(y, 1)
        return y.sum(1, keepdim=True) * 2.0, values, places

    step(facula.rand(3, 4), facula.rand(4, 2))
    return step.graph


def test_every_value_is_printed_with_its_type(graph):
    assert str(graph) == TEXT


@pytest.mark.parametrize("device", ["cpu", "c"])
def test_devices_agree_with_the_reference(graph, device):
    if device == "c" and c_device.compiler() is None:
        pytest.skip("needs a C compiler")
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=v.shape).astype(v.dtype) for v in graph.inputs]
    expected, got = (
        [backend_for(d).to_numpy(a) for a in graph.run(d, arrays)] for d in ("toy", device)
    )
    assert [a.dtype for a in got] == [v.dtype for v in graph.outputs]
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-6)
