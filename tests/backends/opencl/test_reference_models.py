"""A training step of each reference model equals the CPU's, and nothing of it runs on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.backends import backend_for
from facula.nn import functional as F


def mlp() -> tuple[Any, Any, Any]:
    model = nn.Sequential(
        nn.Linear(20, 32), nn.GELU(), nn.LayerNorm(32), nn.Dropout(0.2), nn.Linear(32, 5)
    )
    return model, facula.randn(16, 20), facula.randint(0, 5, (16,))


def cnn() -> tuple[Any, Any, Any]:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, stride=2, groups=2), nn.GroupNorm(4, 16), nn.SiLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.1), nn.Linear(16, 4),
    )  # fmt: skip
    return model, facula.randn(6, 3, 12, 12), facula.randint(0, 4, (6,))


def resnet() -> tuple[Any, Any, Any]:
    """ResNet-18 for images of 32 by 32 pixels: no stride and no pooling at the start."""
    model = facula.vision.models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model, facula.randn(2, 3, 32, 32), facula.randint(0, 10, (2,))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 10, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


def lstm() -> tuple[Any, Any, Any]:
    return Recurrent(), facula.randn(4, 7, 6), facula.randint(0, 3, (4,))


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        config = facula.text.models.GPTConfig(
            vocab_size=40, context=16, layers=2, heads=2, width=32, dropout=0.1
        )
        self.gpt = facula.text.models.GPT(config)

    def forward(self, tokens: Any) -> Any:
        return self.gpt(tokens).flatten(0, 1)


def gpt() -> tuple[Any, Any, Any]:
    return LanguageModel(), facula.randint(0, 40, (3, 16)), facula.randint(0, 40, (48,))


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adamw": lambda p: optim.AdamW(p, lr=1e-3),
}


def train(make: Any, optimizer: str, device: str, steps: int) -> tuple[list[float], dict[str, Any]]:
    """The losses, and gradients of the first step and parameters after the last, by name."""
    facula.manual_seed(5)
    model, x, y = make()
    model, x, y = model.to(device), x.to(device), y.to(device)
    update = OPTIMIZERS[optimizer](model.parameters())
    losses, found = [], {}
    for step in range(steps):
        update.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        if not step:
            named = model.named_parameters()
            found = {f"gradient of {n}": p.grad.cpu().numpy().copy() for n, p in named}
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        update.step()
        losses.append(loss.item())
    return losses, found | {n: v.cpu().numpy() for n, v in model.state_dict().items()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("make", [mlp, cnn, resnet, lstm, gpt], ids=lambda f: f.__name__)
def test_training_equals_the_cpus(make: Any, optimizer: str, monkeypatch: Any) -> None:
    steps = 1 if make is resnet else 3
    expected_losses, expected = train(make, optimizer, "cpu", steps)
    monkeypatch.setenv("FACULA_STRICT", "1")
    before = dict(backend_for("opencl").host_calls)
    losses, got = train(make, optimizer, "opencl", steps)
    assert backend_for("opencl").host_calls == before
    np.testing.assert_allclose(losses, expected_losses, rtol=2e-5)
    for name, value in expected.items():
        if optimizer == "adamw" and not name.startswith("gradient"):
            atol = (
                2e-3 * steps
            )  # a gradient of 0 or so moves its parameter by the whole rate, either way
        else:
            atol = 1e-5 * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=atol, err_msg=name)


@pytest.mark.parametrize("make", [mlp, gpt], ids=lambda f: f.__name__)
def test_compiled_steps_equal_eager_ones(make: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACULA_STRICT", "1")

    def losses(compiled: bool) -> list[float]:
        facula.manual_seed(1)
        model, x, y = make()
        model, x, y = model.to("opencl"), x.to("opencl"), y.to("opencl")
        update = optim.AdamW(model.parameters(), lr=1e-2)

        def step(x: Any, y: Any) -> Any:
            loss = F.cross_entropy(model(x), y)
            update.zero_grad()
            loss.backward()
            update.step()
            return loss.detach()

        run = facula.compile(step) if compiled else step
        return [run(x, y).item() for _ in range(4)]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-6)


def test_random_numbers_are_the_cpus() -> None:
    for draw in (
        lambda d: facula.rand(1001, device=d), lambda d: facula.randn(777, device=d), lambda d: facula.randint(0, 1000, (500,), device=d),
        lambda d: facula.randperm(300, device=d), lambda d: facula.rand(33, dtype=facula.float64, device=d),
        lambda d: facula.randn(35, dtype=facula.float64, device=d), lambda d: F.dropout(facula.ones(400, device=d), 0.3),
    ):  # fmt: skip
        facula.manual_seed(11)
        expected = [draw("cpu").numpy(), draw("cpu").numpy()]
        facula.manual_seed(11)
        for e in expected:
            np.testing.assert_array_equal(draw("opencl").cpu().numpy(), e)
