"""A training step of real layers, captured once and replayed, equals eager over ten steps."""

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.nn import functional as F


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        # A bias before batch norm has a gradient of rounding errors alone, which Adam makes whole steps of.
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(4 * 4 * 4, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.fc(self.dropout(x.flatten(1)))


def train(compiled, steps=10):
    facula.manual_seed(7)
    model = Network()
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.3)
    images = facula.randn(steps, 6, 1, 8, 8)
    labels = facula.randint(0, 5, (steps, 6))

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = facula.compile(step) if compiled else step
    losses = []
    for i in range(steps):
        losses.append(run(images[i], labels[i]).item())
        scheduler.step()
    return losses, model.state_dict(), optimizer.state_dict()


def test_ten_steps():
    expected, weights, state = train(compiled=False)
    losses, got, got_state = train(compiled=True)
    assert losses == pytest.approx(expected, rel=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(
            got[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name
        )
    assert int(got["norm.num_batches_tracked"]) == 10
    assert got_state["state"][0]["step"].item() == state["state"][0]["step"].item() == 10
    assert got_state["param_groups"][0]["lr"] == state["param_groups"][0]["lr"]


def test_evaluation_is_captured_apart():
    facula.manual_seed(0)
    model = Network()
    run = facula.compile(model)
    x = facula.randn(3, 1, 8, 8)
    run(x)
    model.eval()
    with facula.no_grad():
        np.testing.assert_allclose(run(x).numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)
