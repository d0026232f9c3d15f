"""Spectrograms, mel spectrograms and cepstral coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import facula
from facula import nn
from facula_audio import functional as F


class Spectrogram(nn.Module):
    """Waveforms (..., frames) to spectrograms (..., n_fft // 2 + 1, frames // hop_length + 1).

    Lengths are in samples: `win_length` is `n_fft` and `hop_length` half of it by default. `power` 2 gives
    power, 1 magnitude, None complex numbers; `wkwargs` go to `window_fn`. See `functional.spectrogram`.
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Callable[..., Any] = facula.hann_window,
        power: float | None = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ):
        super().__init__()
        self.n_fft, self.pad, self.power, self.normalized = n_fft, pad, power, normalized
        self.win_length = n_fft if win_length is None else win_length
        self.hop_length = self.win_length // 2 if hop_length is None else hop_length
        self.center, self.pad_mode, self.onesided = center, pad_mode, onesided
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))

    def forward(self, waveform: Any) -> Any:
        return F.spectrogram(
            waveform, self.pad, self.window, self.n_fft, self.hop_length, self.win_length, self.power,
            self.normalized, self.center, self.pad_mode, self.onesided,
        )  # fmt: skip


class InverseSpectrogram(nn.Module):
    """Complex spectrograms, as `Spectrogram(power=None)` gives them, back to waveforms."""

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Callable[..., Any] = facula.hann_window,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ):
        super().__init__()
        self.n_fft, self.pad, self.normalized = n_fft, pad, normalized
        self.win_length = n_fft if win_length is None else win_length
        self.hop_length = self.win_length // 2 if hop_length is None else hop_length
        self.center, self.pad_mode, self.onesided = center, pad_mode, onesided
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))

    def forward(self, spectrogram: Any, length: int | None = None) -> Any:
        return F.inverse_spectrogram(
            spectrogram, length, self.pad, self.window, self.n_fft, self.hop_length, self.win_length,
            self.normalized, self.center, self.pad_mode, self.onesided,
        )  # fmt: skip


class MelScale(nn.Module):
    """Spectrograms (..., n_stft, time) to mel spectrograms (..., n_mels, time).

    `f_max` is half of `sample_rate` (Hz) by default. See `functional.melscale_fbanks`.
    """

    def __init__(
        self,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_stft: int = 201,
        norm: str | None = None,
        mel_scale: str = "htk",
    ):
        super().__init__()
        self.n_mels, self.sample_rate, self.f_min = n_mels, sample_rate, f_min
        self.f_max = float(sample_rate // 2) if f_max is None else f_max
        self.norm, self.mel_scale = norm, mel_scale
        if f_min > self.f_max:
            raise ValueError(
                f"MelScale: expected f_min <= f_max, but got {f_min} Hz and {self.f_max} Hz"
            )
        fb = F.melscale_fbanks(n_stft, f_min, self.f_max, n_mels, sample_rate, norm, mel_scale)
        self.register_buffer("fb", fb)

    def forward(self, specgram: Any) -> Any:
        if specgram.shape[-2] != self.fb.shape[0]:
            raise ValueError(
                f"MelScale: expected a spectrogram of {self.fb.shape[0]} frequencies, "
                f"but got shape {tuple(specgram.shape)}; n_stft is n_fft // 2 + 1"
            )
        return self.fb.transpose(0, 1) @ specgram


class MelSpectrogram(nn.Module):
    """Waveforms (..., frames) to mel spectrograms (..., n_mels, frames // hop_length + 1).

    `Spectrogram` and `MelScale` in turn; `sample_rate`, `f_min` and `f_max` are in Hz.

        mel = MelSpectrogram(16000, n_fft=512, n_mels=40)(waveform)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        pad: int = 0,
        n_mels: int = 128,
        window_fn: Callable[..., Any] = facula.hann_window,
        power: float = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        norm: str | None = None,
        mel_scale: str = "htk",
    ):
        super().__init__()
        self.sample_rate, self.n_fft, self.n_mels = sample_rate, n_fft, n_mels
        self.spectrogram = Spectrogram(
            n_fft,
            win_length,
            hop_length,
            pad,
            window_fn,
            power,
            normalized,
            wkwargs,
            center,
            pad_mode,
        )
        self.win_length, self.hop_length = self.spectrogram.win_length, self.spectrogram.hop_length
        self.mel_scale = MelScale(
            n_mels, sample_rate, f_min, f_max, n_fft // 2 + 1, norm, mel_scale
        )

    def forward(self, waveform: Any) -> Any:
        return self.mel_scale(self.spectrogram(waveform))


class AmplitudeToDB(nn.Module):
    """Power (`stype='power'`) or magnitude ('magnitude') in decibels, at most `top_db` below the loudest."""

    def __init__(self, stype: str = "power", top_db: float | None = None):
        super().__init__()
        if stype not in ("power", "magnitude"):
            raise ValueError(
                f"AmplitudeToDB: expected stype to be 'power' or 'magnitude', but got {stype!r}"
            )
        if top_db is not None and top_db < 0:
            raise ValueError(f"AmplitudeToDB: expected top_db >= 0, but got {top_db}")
        self.stype, self.top_db = stype, top_db
        self.multiplier, self.amin, self.ref_value = 10.0 if stype == "power" else 20.0, 1e-10, 1.0
        self.db_multiplier = math.log10(max(self.amin, self.ref_value))

    def forward(self, x: Any) -> Any:
        return F.amplitude_to_DB(x, self.multiplier, self.amin, self.db_multiplier, self.top_db)


class MFCC(nn.Module):
    """Waveforms (..., frames) to mel-frequency cepstral coefficients (..., n_mfcc, time).

    The cosine transform of a mel spectrogram (`melkwargs`) in dB, or with `log_mels` in natural logarithms.
    Source: Davis and Mermelstein 1980. Raises ValueError where `n_mfcc` exceeds the mels.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_mels: bool = False,
        melkwargs: dict[str, Any] | None = None,
    ):
        super().__init__()
        if dct_type != 2:
            raise ValueError(f"MFCC: expected dct_type 2, but got {dct_type}")
        self.sample_rate, self.n_mfcc, self.log_mels = sample_rate, n_mfcc, log_mels
        self.MelSpectrogram = MelSpectrogram(sample_rate, **(melkwargs or {}))
        self.amplitude_to_DB = AmplitudeToDB("power", 80.0)
        if n_mfcc > self.MelSpectrogram.n_mels:
            raise ValueError(
                f"MFCC: cannot take {n_mfcc} coefficients of {self.MelSpectrogram.n_mels} mels; "
                "lower n_mfcc or give more in melkwargs={'n_mels': ...}"
            )
        self.register_buffer("dct_mat", F.create_dct(n_mfcc, self.MelSpectrogram.n_mels, norm))

    def forward(self, waveform: Any) -> Any:
        mel = self.MelSpectrogram(waveform)
        mel = (mel + 1e-6).log() if self.log_mels else self.amplitude_to_DB(mel)
        return self.dct_mat.transpose(0, 1) @ mel
