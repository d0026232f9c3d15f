"""State that an optimizer makes at its first step is there before a capture: one program serves all steps, and eager's state is left."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn, optim

#: Optimizer, options, and captures of three steps.
CASES = {
    "Adam": (optim.Adam, {"amsgrad": True}, 1),
    "AdamW": (optim.AdamW, {}, 1),
    "RMSprop": (optim.RMSprop, {"momentum": 0.5, "centered": True}, 1),
    "Adagrad": (optim.Adagrad, {"initial_accumulator_value": 0.5}, 1),
    "SGD": (optim.SGD, {}, 1),
    "momentum": (optim.SGD, {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}, 1),
    "dampened, whose first step is another": (optim.SGD, {"momentum": 0.9, "dampening": 0.5}, 2),
}


class Steps:
    """A step of training, twice the same; one parameter gets no gradient."""

    def __init__(self, build, options):
        facula.manual_seed(0)
        self.model = nn.Linear(3, 2)
        self.unused = nn.Parameter(facula.ones(2))
        parameters = [*self.model.parameters(), self.unused]
        self.optimizer = build(parameters, lr=0.1, **options)

    def __call__(self, x):
        self.optimizer.zero_grad()
        loss = (self.model(x) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        return loss

    def tensors(self):
        state = [v for s in self.optimizer.state_dict()["state"].values() for v in s.values()]
        return [*self.model.parameters(), *(v for v in state if v is not None)]


def same(a, b):
    for x, y in zip(a.tensors(), b.tensors(), strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), 1e-5, 1e-6)


@pytest.mark.parametrize("name", CASES)
def test_state_and_parameters_are_eagers_after_each_step(name):
    build, options, captures = CASES[name]
    eager, mine = Steps(build, options), Steps(build, options)
    step = facula.compile(mine)
    for k in range(3):
        x = facula.full((4, 3), 1.0 + k)
        np.testing.assert_allclose(step(x).item(), eager(x).item(), rtol=1e-5)
        same(mine, eager)
        assert list(mine.optimizer.state_dict()["state"]) == list(eager.optimizer.state_dict()["state"])  # fmt: skip
    assert step.captures == captures


CHANGES = {
    "taken away": lambda s: s.optimizer.state.clear(),
    "of one parameter": lambda s: s.optimizer.state.pop(s.model.weight),
    "loaded": lambda s: s.optimizer.load_state_dict(s.optimizer.state_dict()),
    "another tensor": lambda s: s.optimizer.state[s.model.bias].update(exp_avg=facula.ones(2)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_state_that_was_exchanged_is_seen(name):
    eager, mine = Steps(optim.Adam, {}), Steps(optim.Adam, {})
    step = facula.compile(mine)
    x = facula.ones(4, 3)
    for k in range(4):
        if k == 1:
            CHANGES[name](mine)
            CHANGES[name](eager)
        step(x)
        eager(x)
        same(mine, eager)
    assert step.captures == 2


def test_what_a_first_run_does_otherwise_in_python_is_still_captured_anew():
    steps = Steps(optim.Adam, {})
    world = {"is_first": True}

    def step(x):
        loss = steps(x)
        if world["is_first"]:
            world["is_first"] = False
            return loss * 0
        return loss

    step = facula.compile(step)
    x = facula.ones(4, 3)
    assert step(x).item() == 0
    assert step(x).item() != 0
    assert step(x).item() != 0


def test_a_parameter_written_before_its_first_step_gets_state_of_its_shape():
    mine = Steps(optim.Adam, {})

    def step(x):
        with facula.no_grad():
            mine.model.weight.mul_(float("nan"))
        return mine(x)

    facula.compile(step)(facula.ones(4, 3))
    assert mine.optimizer.state[mine.model.bias]["step"].item() == 1
    assert bool(mine.model.weight.isnan().all())
