"""A network of one-dimensional convolutions over raw sound (M5 of Dai et al. 2016) for spoken keywords."""

from __future__ import annotations

from typing import Any


def keyword_net(lib: Any, classes: int = 35, channels: int = 32) -> Any:
    """(N, 1, 8000) samples, a second at 8 kHz, to (N, classes)."""
    nn = lib.nn

    def part(inside: int, out: int, size: int, stride: int = 1) -> list[Any]:
        return [
            nn.Conv1d(inside, out, size, stride), nn.BatchNorm1d(out), nn.ReLU(), nn.MaxPool1d(4),
        ]  # fmt: skip

    return nn.Sequential(
        *part(1, channels, 80, 16), *part(channels, channels, 3),
        *part(channels, 2 * channels, 3), *part(2 * channels, 2 * channels, 3),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2 * channels, classes),
    )  # fmt: skip
