"""What nests a program is made of: few, with barriers only where threads must meet."""

from __future__ import annotations

import pytest

import facula
from facula import nn, optim
from facula.graph.compiler import compiler as c_compiler
from facula.graph.compiler.fuse import count
from facula.graph.compiler.nests import MapNest
from facula.graph.runtime import unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """All programs that are compiled during a test."""
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    made = []
    original = c_compiler.Compiled.__init__

    def noted(self, *arguments):
        original(self, *arguments)
        made.append(self)

    monkeypatch.setattr(c_compiler.Compiled, "__init__", noted)
    return made


def trained(model, optimizer, x, steps=3):
    @facula.compile(backend="c")
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return [step(x) for _ in range(steps)]


def test_an_adam_step_is_one_map_for_each_parameter_and_written_in_place(programs):
    model = nn.Linear(70, 40)
    trained(model, optim.Adam(model.parameters(), amsgrad=False), facula.randn(8, 70))
    program = programs[-1]
    for size in (2800, 40):
        (update,) = [n for n in program.nests if isinstance(n, MapNest) and count(n.shape) == size]
        assert len(update.stores) == 3
    numbers = [n for n in program.nests if isinstance(n, MapNest) and not n.shape]
    assert len(numbers) == 2  # the steps' numbers before all else, the loss's
    fresh = [slot for slot, new in program.results if new is not None]
    assert len(fresh) == 3  # the loss and two gradients
