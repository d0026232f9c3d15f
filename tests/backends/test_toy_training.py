"""A training step on the toy device is the one on the CPU: eager, and captured as a graph."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn, optim


def network():
    facula.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(), nn.Linear(8, 3)
    )  # fmt: skip


def train(device, compiled=False):
    """The losses of some steps, and the parameters and statistics after them."""
    model = network().to(device)
    optimizer = optim.AdamW(model.parameters(), lr=1e-2)
    rng = np.random.default_rng(0)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = facula.compile(step) if compiled else step
    losses = []
    for _ in range(4):
        x = facula.tensor(rng.normal(size=(4, 1, 6, 6)), dtype=facula.float32, device=device)
        losses.append(run(x, facula.tensor(rng.integers(0, 3, 4), device=device)).item())
    return losses, {name: value.cpu().numpy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_training_equals_the_cpus(compiled, monkeypatch):
    monkeypatch.setenv("FACULA_STRICT", "1")
    losses, state = train("toy", compiled)
    expected_losses, expected = train("cpu")
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for name, value in state.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-6, err_msg=name)
