"""Numbers that every peer gets alike: weights by their name and shape, data by a seed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def weight(name: str, shape: Sequence[int]) -> np.ndarray:
    """float32 values of a parameter: uniform with variance 1 / inputs; biases are 0, and scales of norms 1."""
    if len(shape) < 2:
        return np.full(shape, 0 if "bias" in name else 1, np.float32)
    inputs = int(np.prod(shape[1:]))
    draws = np.random.default_rng(zlib.crc32(name.encode()))
    values = draws.random(shape, dtype=np.float32)
    values -= 0.5
    values *= np.sqrt(12 / inputs)
    return values


def fill(lib: Any, model: Any) -> Any:
    """Gives a model its weights, and returns it."""
    with lib.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(lib.from_numpy(weight(name, tuple(parameter.shape))))
    return model


def normal(seed: int, *shape: int) -> np.ndarray:
    """float32, standard normal."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def uniform(seed: int, *shape: int) -> np.ndarray:
    """float32 in [0, 1)."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def whole(seed: int, count: int, *shape: int) -> np.ndarray:
    """int64 in [0, count)."""
    return np.random.default_rng(seed).integers(0, count, shape)
