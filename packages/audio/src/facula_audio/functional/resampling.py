"""Change of the sample rate, by a windowed sinc.

Source: Smith, "Digital audio resampling" (ccrma.stanford.edu/~jos/resample), in torchaudio's form: one
convolution whose channels are the phases of the new rate.
"""

from __future__ import annotations

import math
from typing import Any

import facula
import facula.nn.functional as F

_KAISER_BETA = 14.769656459379492


def resample(
    waveform: Any,
    orig_freq: int,
    new_freq: int,
    lowpass_filter_width: int = 6,
    rolloff: float = 0.99,
    resampling_method: str = "sinc_interp_hann",
    beta: float | None = None,
) -> Any:
    """A waveform (..., frames) at `new_freq` Hz, of ceil(frames * new_freq / orig_freq) samples.

    A larger `lowpass_filter_width` cuts off more sharply, at `rolloff` of the lower Nyquist frequency.
    `resampling_method` is 'sinc_interp_hann' or 'sinc_interp_kaiser' (with `beta`).

        at_16_khz = resample(waveform, 8000, 16000)

    Raises ValueError for rates that are no positive integers.
    """
    if orig_freq == new_freq:
        return waveform
    kernel, width = sinc_resample_kernel(
        orig_freq, new_freq, lowpass_filter_width, rolloff, resampling_method, beta, waveform.dtype
    )
    return apply_resample_kernel(waveform, orig_freq, new_freq, kernel.to(waveform.device), width)


def sinc_resample_kernel(
    orig_freq: int,
    new_freq: int,
    lowpass_filter_width: int = 6,
    rolloff: float = 0.99,
    resampling_method: str = "sinc_interp_hann",
    beta: float | None = None,
    dtype: Any = None,
) -> tuple[Any, int]:
    """Filters (phases, 1, taps), one for each phase of the new rate, and the samples they reach back."""
    orig, new = _reduced(orig_freq, new_freq)
    if lowpass_filter_width <= 0:
        raise ValueError(
            f"resample: expected lowpass_filter_width > 0, but got {lowpass_filter_width}"
        )
    base = min(orig, new) * rolloff
    width = math.ceil(lowpass_filter_width * orig / base)
    samples = facula.arange(-width, width + orig, dtype=facula.float64) / orig
    phases = facula.arange(0, -new, -1, dtype=facula.float64)[:, None, None] / new
    t = ((phases + samples) * base).clamp(-lowpass_filter_width, lowpass_filter_width)
    kernel = (
        facula.sinc(t) * _window(t / lowpass_filter_width, resampling_method, beta) * (base / orig)
    )
    return kernel.to(dtype or facula.float32), width


def apply_resample_kernel(
    waveform: Any, orig_freq: int, new_freq: int, kernel: Any, width: int
) -> Any:
    """Convolves with the filters of `sinc_resample_kernel` and takes their outputs in turn."""
    orig, new = _reduced(orig_freq, new_freq)
    if not waveform.is_floating_point():
        raise TypeError(
            f"resample: expected a waveform of floats, but got {waveform.dtype}; load it with normalize=True"
        )
    length = waveform.shape[-1]
    rows = F.pad(waveform.reshape(-1, 1, length), (width, width + orig))
    outputs = F.conv1d(rows, kernel, stride=orig)
    target = math.ceil(new * length / orig)
    out = outputs.transpose(1, 2).reshape(outputs.shape[0], -1)[:, :target]
    return out.reshape(*waveform.shape[:-1], target)


def _reduced(orig_freq: int, new_freq: int) -> tuple[int, int]:
    if int(orig_freq) != orig_freq or int(new_freq) != new_freq or min(orig_freq, new_freq) <= 0:
        raise ValueError(
            f"resample: expected both rates to be positive integers in Hz, but got {orig_freq} and {new_freq}"
        )
    divisor = math.gcd(int(orig_freq), int(new_freq))
    return int(orig_freq) // divisor, int(new_freq) // divisor


def _window(t: Any, method: str, beta: float | None) -> Any:
    if method == "sinc_interp_hann":
        return facula.cos(t * math.pi / 2).pow(2)
    if method == "sinc_interp_kaiser":
        top = facula.tensor(_KAISER_BETA if beta is None else beta, dtype=facula.float64)
        return facula.special.i0(top * (1 - t.pow(2)).sqrt()) / facula.special.i0(top)
    raise ValueError(
        f"resample: expected resampling_method to be 'sinc_interp_hann' or 'sinc_interp_kaiser', but got {method!r}"
    )
