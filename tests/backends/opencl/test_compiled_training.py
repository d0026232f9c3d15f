"""Training steps with every optimizer that is updated in place, eager and captured, against the CPU's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula import nn

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": lambda p: facula.optim.SGD(p, lr=0.1),
    "momentum": lambda p: facula.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adamw": lambda p: facula.optim.AdamW(p, lr=0.05),
    "amsgrad": lambda p: facula.optim.Adam(p, lr=0.05, amsgrad=True, weight_decay=0.1),
}


def losses(device: str, optimizer: Callable[..., Any], is_compiled: bool) -> list[float]:
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 4)).to(device)  # fmt: skip
    update = optimizer(model.parameters())
    schedule = facula.optim.lr_scheduler.StepLR(update, 2, 0.5)
    numbers = np.random.default_rng(0).normal(size=(32, 10)).astype(np.float32)
    x, y = facula.tensor(numbers).to(device), facula.tensor(np.arange(32) % 4).to(device)

    def step(x: Any, y: Any) -> Any:
        update.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        update.step()
        return loss

    run, found = facula.compile(step) if is_compiled else step, []
    for _ in range(6):
        found.append(float(run(x, y)))
        schedule.step()
    return found


@pytest.mark.parametrize("is_compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_are_the_cpus(name: str, is_compiled: bool, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACULA_STRICT", "1")
    expected = losses("cpu", OPTIMIZERS[name], False)
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(losses("opencl", OPTIMIZERS[name], is_compiled), expected, rtol=1e-5)
