"""Spectrograms: short-time Fourier transforms of waveforms, and back."""

from __future__ import annotations

from typing import Any

import facula


def spectrogram(
    waveform: Any,
    pad: int,
    window: Any,
    n_fft: int,
    hop_length: int,
    win_length: int,
    power: float | None,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
    return_complex: bool | None = None,
) -> Any:
    """A waveform (..., frames) as a spectrogram (..., n_fft // 2 + 1, frames // hop_length + 1).

    `power` 2 gives power, 1 magnitude, None the complex numbers. `normalized` True or 'window' divides
    by the window's root of summed squares, 'frame_length' by the root of `n_fft`. `pad` zeros go on both
    sides. `return_complex` is accepted for PyTorch's sake and ignored.
    """
    if pad > 0:
        waveform = facula.nn.functional.pad(waveform, (pad, pad))
    frames, window_norm = _normalization(normalized)
    rows = waveform.reshape(-1, waveform.shape[-1])
    spectrum = facula.stft(
        rows,
        n_fft,
        hop_length,
        win_length,
        window,
        center,
        pad_mode,
        frames,
        onesided,
        return_complex=True,
    )
    spectrum = spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[-2:])
    if window_norm:
        spectrum = spectrum / window.pow(2).sum().sqrt()
    if power is None:
        return spectrum
    if power == 2:  # no root, whose slope at silence is infinite
        return spectrum.real.pow(2) + spectrum.imag.pow(2)
    return spectrum.abs() if power == 1 else spectrum.abs().pow(power)


def inverse_spectrogram(
    spectrogram: Any,
    length: int | None,
    pad: int,
    window: Any,
    n_fft: int,
    hop_length: int,
    win_length: int,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> Any:
    """The waveform (..., frames) of a complex spectrogram: `spectrogram` with `power=None` backwards.

    `length` cuts it, in samples. Raises ValueError for real input, which has lost the phases.
    """
    if not spectrogram.is_complex():
        raise ValueError(
            f"inverse_spectrogram: expected a complex spectrogram, but got {spectrogram.dtype}; "
            "compute it with power=None"
        )
    frames, window_norm = _normalization(normalized)
    if window_norm:
        spectrogram = spectrogram * window.pow(2).sum().sqrt()
    rows = spectrogram.reshape(-1, *spectrogram.shape[-2:])
    whole = None if length is None else length + 2 * pad
    waveform = facula.istft(
        rows, n_fft, hop_length, win_length, window, center, frames, onesided, whole
    )
    if pad > 0:
        waveform = waveform[:, pad : waveform.shape[-1] - pad]
    return waveform.reshape(*spectrogram.shape[:-2], waveform.shape[-1])


def _normalization(normalized: bool | str) -> tuple[bool, bool]:
    """Whether to divide by the root of the frame length, and by the window's norm."""
    if normalized not in (True, False, "window", "frame_length"):
        raise ValueError(
            f"expected normalized to be True, False, 'window' or 'frame_length', but got {normalized!r}"
        )
    return normalized == "frame_length", normalized is True or normalized == "window"
