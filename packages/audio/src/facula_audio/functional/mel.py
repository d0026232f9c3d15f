"""The mel scale and the cosine transform of its bands.

Sources: O'Shaughnessy 1987 (htk's formula, as in the HTK Book), Slaney's Auditory Toolbox 1998.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import facula

# Slaney's scale: linear below 1000 Hz, 15 mels; above, 27 mels to each factor of 6.4.
_HZ_PER_MEL, _BREAK_HZ, _BREAK_MEL, _LOG_STEP = 200.0 / 3, 1000.0, 15.0, math.log(6.4) / 27


def hz_to_mel(freq: float, mel_scale: str = "htk") -> float:
    """A frequency in Hz on the mel scale."""
    if mel_scale == "htk":
        return 2595.0 * math.log10(1.0 + freq / 700.0)
    if freq < _BREAK_HZ:
        return freq / _HZ_PER_MEL
    return _BREAK_MEL + math.log(freq / _BREAK_HZ) / _LOG_STEP


def mel_to_hz(mels: Any, mel_scale: str = "htk") -> Any:
    """A tensor of mels in Hz."""
    if mel_scale == "htk":
        return 700.0 * (facula.pow(10.0, mels / 2595.0) - 1.0)
    above = _BREAK_HZ * (_LOG_STEP * (mels - _BREAK_MEL)).exp()
    return facula.where(mels >= _BREAK_MEL, above, mels * _HZ_PER_MEL)


def melscale_fbanks(
    n_freqs: int,
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    norm: str | None = None,
    mel_scale: str = "htk",
) -> Any:
    """Triangular filters (n_freqs, n_mels): a spectrogram (..., frames, n_freqs) times them is in mels.

    Frequencies and `sample_rate` are in Hz. `norm='slaney'` makes the triangles equal in area. Float32,
    computed in float64. Warns where a filter lies between two frequencies and is all zero.

    Raises ValueError for another `norm` or `mel_scale`.
    """
    if norm not in (None, "slaney"):
        raise ValueError(f"melscale_fbanks: expected norm to be None or 'slaney', but got {norm!r}")
    if mel_scale not in ("htk", "slaney"):
        raise ValueError(
            f"melscale_fbanks: expected mel_scale to be 'htk' or 'slaney', but got {mel_scale!r}"
        )
    frequencies = facula.linspace(0, sample_rate // 2, n_freqs, dtype=facula.float64)
    ends = hz_to_mel(f_min, mel_scale), hz_to_mel(f_max, mel_scale)
    points = mel_to_hz(facula.linspace(*ends, n_mels + 2, dtype=facula.float64), mel_scale)
    widths = points[1:] - points[:-1]
    slopes = points - frequencies[:, None]
    banks = (-slopes[:, :-2] / widths[:-1]).minimum(slopes[:, 2:] / widths[1:]).clamp(min=0)
    if norm == "slaney":
        banks = banks * (2.0 / (points[2:] - points[:-2]))
    if bool((banks.amax(0) == 0).any()):
        warnings.warn(
            f"melscale_fbanks: at least one of {n_mels} mel filters is all zero; "
            f"use fewer mels, or a longer n_fft than gives {n_freqs} frequencies",
            stacklevel=2,
        )
    return banks.to(facula.float32)


def create_dct(n_mfcc: int, n_mels: int, norm: str | None) -> Any:
    """The discrete cosine transform of type II as a matrix (n_mels, n_mfcc), to multiply from the right.

    `norm='ortho'` makes its columns orthonormal. Raises ValueError for another norm.
    """
    if norm not in (None, "ortho"):
        raise ValueError(f"create_dct: expected norm to be None or 'ortho', but got {norm!r}")
    n = facula.arange(n_mels, dtype=facula.float64)
    k = facula.arange(n_mfcc, dtype=facula.float64)
    matrix = facula.cos(math.pi / n_mels * (n[:, None] + 0.5) * k)
    if norm is None:
        return (2.0 * matrix).to(facula.float32)
    scale = facula.where(k == 0, math.sqrt(1.0 / n_mels), math.sqrt(2.0 / n_mels))
    return (matrix * scale).to(facula.float32)
