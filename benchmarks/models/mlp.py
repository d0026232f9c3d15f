"""A network of fully connected layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def mlp(lib: Any, inside: int = 784, width: int = 256, hidden: int = 2, out: int = 10) -> Any:
    """`hidden` layers of `width` features with ReLU, and a linear one to `out`."""
    nn = lib.nn
    sizes = [inside] + [width] * hidden
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], out))
