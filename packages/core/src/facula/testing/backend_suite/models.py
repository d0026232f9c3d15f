"""The three small models that the suite trains: what they are, and one way to train them."""

from __future__ import annotations

from typing import Any

import numpy as np

import facula
from facula import nn, optim


class Tagger(nn.Module):
    """An LSTM over embedded words, with a class for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, words: Any) -> Any:
        return self.head(self.lstm(self.embedding(words))[0]).transpose(1, 2)


def perceptron() -> Any:
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3))


def convolutional() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(), nn.Linear(8, 3)
    )  # fmt: skip


#: Name: the model, the shape of one batch of inputs, and the optimizer.
MODELS: dict[str, tuple[Any, tuple[int, ...], Any]] = {
    "MLP": (perceptron, (6, 6), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    "CNN with batch norm and dropout": (convolutional, (4, 1, 6, 6), lambda p: optim.AdamW(p, lr=1e-2)),
    "LSTM": (Tagger, (3, 4), lambda p: optim.Adam(p, lr=2e-2)),
}  # fmt: skip


def made(name: str, device: str) -> Any:
    """A model with the same parameters on every device."""
    facula.manual_seed(3)
    return MODELS[name][0]().to(device)


def train(
    name: str, model: Any, device: str, steps: int = 5, compiler: Any = None
) -> tuple[list[float], dict[str, Any]]:
    """The losses of some steps, and the parameters and statistics after them, as NumPy arrays.

    `compiler` makes something to call of the function of one step.
    """
    _, shape, optimizer_of = MODELS[name]
    optimizer = optimizer_of(model.parameters())
    rng = np.random.default_rng(0)

    def step(inputs: Any, labels: Any) -> Any:
        loss = nn.functional.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    run = step if compiler is None else compiler(step)
    losses = []
    for _ in range(steps):
        if name == "LSTM":
            inputs = facula.tensor(rng.integers(0, 7, shape), device=device)
            labels = rng.integers(0, 3, shape)
        else:
            inputs = facula.tensor(rng.normal(size=shape), dtype=facula.float32, device=device)
            labels = rng.integers(0, 3, shape[0])
        losses.append(run(inputs, facula.tensor(labels, device=device)).item())
    return losses, {key: value.cpu().numpy() for key, value in model.state_dict().items()}
