"""What makes training examples differ: masks, loudness, fades and noise."""

from __future__ import annotations

import math
from typing import Any

import facula
from facula import nn
from facula_audio import functional as F


class _AxisMasking(nn.Module):
    """Masks up to `mask_param` neighbours along one of the last two axes of a spectrogram."""

    def __init__(self, mask_param: int, axis: int, iid_masks: bool, p: float = 1.0):
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(
                f"{type(self).__name__}: expected p to lie within 0 and 1, but got {p}"
            )
        self.mask_param, self.axis, self.iid_masks, self.p = mask_param, axis, iid_masks, p

    def forward(self, specgram: Any, mask_value: float | Any = 0.0) -> Any:
        mask = F.mask_along_axis_iid if self.iid_masks and specgram.ndim > 2 else F.mask_along_axis
        return mask(specgram, self.mask_param, mask_value, self.axis, self.p)


class FrequencyMasking(_AxisMasking):
    """Masks up to `freq_mask_param` neighbouring frequencies of (..., frequencies, time).

    `iid_masks` draws a mask for each example and channel, where there are such dimensions.
    """

    def __init__(self, freq_mask_param: int, iid_masks: bool = False):
        super().__init__(freq_mask_param, -2, iid_masks)


class TimeMasking(_AxisMasking):
    """Masks up to `time_mask_param` neighbouring times, and at most a share of `p` of all."""

    def __init__(self, time_mask_param: int, iid_masks: bool = False, p: float = 1.0):
        super().__init__(time_mask_param, -1, iid_masks, p)


class Vol(nn.Module):
    """Louder or softer by `gain`, a factor of the 'amplitude' or 'power', or in 'db'; clipped to -1 to 1."""

    def __init__(self, gain: float, gain_type: str = "amplitude"):
        super().__init__()
        if gain_type not in ("amplitude", "power", "db"):
            raise ValueError(
                f"Vol: expected gain_type to be 'amplitude', 'power' or 'db', but got {gain_type!r}"
            )
        if gain_type != "db" and gain < 0:
            raise ValueError(
                f"Vol: expected a gain >= 0 for gain_type {gain_type!r}, but got {gain}"
            )
        self.gain, self.gain_type = gain, gain_type

    def forward(self, waveform: Any) -> Any:
        factor = {
            "amplitude": self.gain,
            "power": math.sqrt(abs(self.gain)),
            "db": 10 ** (self.gain / 20),
        }
        return (waveform * factor[self.gain_type]).clamp(-1, 1)


_FADES = {
    "linear": lambda t: t,
    "exponential": lambda t: facula.pow(2.0, t - 1) * t,
    "logarithmic": lambda t: (0.1 + t).log10() + 1,
    "quarter_sine": lambda t: (t * math.pi / 2).sin(),
    "half_sine": lambda t: (t * math.pi - math.pi / 2).sin() / 2 + 0.5,
}


class Fade(nn.Module):
    """Fades a waveform (..., frames) in and out over so many samples.

    `fade_shape` is 'linear', 'exponential', 'logarithmic', 'quarter_sine' or 'half_sine'.
    """

    def __init__(self, fade_in_len: int = 0, fade_out_len: int = 0, fade_shape: str = "linear"):
        super().__init__()
        if fade_shape not in _FADES:
            raise ValueError(
                f"Fade: expected fade_shape to be one of {', '.join(_FADES)}, but got {fade_shape!r}"
            )
        self.fade_in_len, self.fade_out_len, self.fade_shape = fade_in_len, fade_out_len, fade_shape

    def forward(self, waveform: Any) -> Any:
        frames = waveform.shape[-1]
        if max(self.fade_in_len, self.fade_out_len) > frames:
            raise ValueError(
                f"Fade: cannot fade over {self.fade_in_len} and {self.fade_out_len} of {frames} samples"
            )
        start = self._ramp(self.fade_in_len, frames, waveform)
        end = self._ramp(self.fade_out_len, frames, waveform).flip(0)
        return waveform * start * end

    def _ramp(self, length: int, frames: int, like: Any) -> Any:
        options = {"dtype": like.dtype, "device": like.device}
        ramp = _FADES[self.fade_shape](facula.linspace(0, 1, length, **options)).clamp(0, 1)
        return facula.cat([ramp, facula.ones(frames - length, **options)])


class AddNoise(nn.Module):
    """Adds noise at a ratio of signal to noise in dB, see `functional.add_noise`."""

    def forward(self, waveform: Any, noise: Any, snr: Any, lengths: Any = None) -> Any:
        return F.add_noise(waveform, noise, snr, lengths)
