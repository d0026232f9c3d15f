"""Recurrent layers in compiled programs: a launch for each layer and direction, and one for its gradient."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.nests import CallNest
from facula.graph.compiler.planned import Planned
from facula.graph.runtime import unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

#: Module, input, and how many of its layers and directions are launches.
CASES = {
    "by rows, both directions": (lambda: nn.LSTM(5, 20, 2, bidirectional=True), (4, 9, 5), 4),
    "by units": (lambda: nn.GRU(6, 40, batch_first=True), (2, 3, 6), 1),
    "plain, and projected": (lambda: Pair(), (3, 2, 4), 1),
}


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = nn.RNN(4, 18, nonlinearity="relu")
        self.projected = nn.LSTM(18, 6, proj_size=3)

    def forward(self, x):
        return self.projected(self.plain(x)[0][:1])


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_equal_eager(name):
    make, shape, layers = CASES[name]
    before = facula.get_num_threads()
    facula.set_num_threads(2)
    facula.manual_seed(2)
    model, x = make(), facula.randn(shape, requires_grad=True)

    def step(x):
        out, state = model(x)
        states = state if isinstance(state, tuple) else (state,)
        loss = out.square().sum() + sum(s.sin().sum() for s in states)
        gradients = facula.autograd.grad(loss, [x, *model.parameters()])
        return out, *states, *gradients

    expected = step(x)
    compiled = facula.compile(step, backend="c")
    got = compiled(x)
    facula.set_num_threads(before)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=2e-5)
    calls = [n for n in Making(compiled.graph, 2).nests if isinstance(n, CallNest)]
    assert len([n for n in calls if isinstance(n.launch.kernel, Planned)]) == 2 * layers
