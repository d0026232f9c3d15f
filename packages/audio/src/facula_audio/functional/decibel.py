"""Decibels."""

from __future__ import annotations

import math
from typing import Any


def amplitude_to_DB(
    x: Any, multiplier: float, amin: float, db_multiplier: float, top_db: float | None = None
) -> Any:
    """`multiplier * log10(max(x, amin)) - multiplier * db_multiplier`, in dB.

    `multiplier` is 10 for power, 20 for amplitude; `db_multiplier` the log10 of the reference. With
    `top_db`, nothing lies further than that below the loudest of a spectrogram: of each of a batch
    (batch, channels, frequencies, frames), and of the whole of fewer dimensions.
    """
    decibels = multiplier * x.clamp(min=amin).log10() - multiplier * db_multiplier
    if top_db is None:
        return decibels
    dims = (-3, -2, -1) if x.ndim > 3 else tuple(range(x.ndim))
    return decibels.maximum(decibels.amax(dims, keepdim=True) - top_db)


def DB_to_amplitude(x: Any, ref: float, power: float) -> Any:
    """`ref * 10 ** (0.1 * x * power)`: power 1 gives power, 0.5 amplitude."""
    return ref * (x * (0.1 * power * math.log(10))).exp()
