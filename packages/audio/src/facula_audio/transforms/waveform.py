"""Waveforms at another rate or in another code."""

from __future__ import annotations

from typing import Any

from facula import nn
from facula_audio import functional as F
from facula_audio.functional.resampling import apply_resample_kernel


class Resample(nn.Module):
    """Waveforms (..., frames) from `orig_freq` to `new_freq` Hz, with filters computed once.

    See `functional.resample`. `dtype` is that of the filters, float32 by default.
    """

    def __init__(
        self,
        orig_freq: int = 16000,
        new_freq: int = 16000,
        resampling_method: str = "sinc_interp_hann",
        lowpass_filter_width: int = 6,
        rolloff: float = 0.99,
        beta: float | None = None,
        *,
        dtype: Any = None,
    ):
        super().__init__()
        self.orig_freq, self.new_freq = orig_freq, new_freq
        if orig_freq != new_freq:
            kernel, self.width = F.sinc_resample_kernel(
                orig_freq, new_freq, lowpass_filter_width, rolloff, resampling_method, beta, dtype
            )
            self.register_buffer("kernel", kernel)

    def forward(self, waveform: Any) -> Any:
        if self.orig_freq == self.new_freq:
            return waveform
        return apply_resample_kernel(
            waveform, self.orig_freq, self.new_freq, self.kernel, self.width
        )


class MuLawEncoding(nn.Module):
    """Signals within -1 to 1 to int64, see `functional.mu_law_encoding`."""

    def __init__(self, quantization_channels: int = 256):
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x: Any) -> Any:
        return F.mu_law_encoding(x, self.quantization_channels)


class MuLawDecoding(nn.Module):
    """Back from `MuLawEncoding`."""

    def __init__(self, quantization_channels: int = 256):
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x_mu: Any) -> Any:
        return F.mu_law_decoding(x_mu, self.quantization_channels)
