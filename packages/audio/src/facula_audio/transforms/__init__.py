"""Modules that turn waveforms (..., frames) into features, and alter both."""

from facula_audio.transforms.augmentation import AddNoise, Fade, FrequencyMasking, TimeMasking, Vol
from facula_audio.transforms.features import (
    MFCC,
    AmplitudeToDB,
    InverseSpectrogram,
    MelScale,
    MelSpectrogram,
    Spectrogram,
)
from facula_audio.transforms.waveform import MuLawDecoding, MuLawEncoding, Resample

__all__ = [
    "MFCC", "AddNoise", "AmplitudeToDB", "Fade", "FrequencyMasking", "InverseSpectrogram", "MelScale",
    "MelSpectrogram", "MuLawDecoding", "MuLawEncoding", "Resample", "Spectrogram", "TimeMasking", "Vol",
]  # fmt: skip
