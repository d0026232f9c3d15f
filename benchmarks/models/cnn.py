"""Convolutional networks for digits: the one of PyTorch's MNIST example without its dropout, and a smaller one."""

from __future__ import annotations

from typing import Any


def digits_cnn(lib: Any) -> Any:
    """(N, 1, 28, 28) images to (N, 10): two convolutions, one pooling, two linear layers."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def small_cnn(lib: Any) -> Any:
    """(N, 1, 28, 28) images to (N, 10): two convolutions, each pooled, and one linear layer."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
