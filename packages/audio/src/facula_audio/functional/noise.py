"""Mixing with noise."""

from __future__ import annotations

import math
from typing import Any

import facula


def add_noise(waveform: Any, noise: Any, snr: Any, lengths: Any = None) -> Any:
    """`waveform` plus `noise` (both (..., frames)), scaled so that their energies differ by `snr` dB.

    `snr` and `lengths` have the leading shape; frames from `lengths` on count neither as signal nor noise.
    """
    if waveform.shape != noise.shape:
        raise ValueError(
            f"add_noise: expected waveform and noise of one shape, but got {tuple(waveform.shape)} and {tuple(noise.shape)}"
        )
    signal, heard = waveform, noise
    if lengths is not None:
        kept = facula.arange(waveform.shape[-1], device=waveform.device) < lengths.unsqueeze(-1)
        signal, heard = waveform * kept, noise * kept
    ratio = 10 * (signal.pow(2).sum(-1).log10() - heard.pow(2).sum(-1).log10())
    scale = ((ratio - snr) * (math.log(10) / 20)).exp()
    return waveform + scale.unsqueeze(-1) * heard
