"""Functions on waveforms (..., frames) and spectrograms (..., frequencies, frames)."""

from facula_audio.functional.decibel import DB_to_amplitude, amplitude_to_DB
from facula_audio.functional.masking import mask_along_axis, mask_along_axis_iid
from facula_audio.functional.mel import create_dct, melscale_fbanks
from facula_audio.functional.noise import add_noise
from facula_audio.functional.quantization import mu_law_decoding, mu_law_encoding
from facula_audio.functional.resampling import resample, sinc_resample_kernel
from facula_audio.functional.spectrum import inverse_spectrogram, spectrogram

__all__ = [
    "DB_to_amplitude", "add_noise", "amplitude_to_DB", "create_dct", "inverse_spectrogram", "mask_along_axis",
    "mask_along_axis_iid", "melscale_fbanks", "mu_law_decoding", "mu_law_encoding", "resample", "sinc_resample_kernel",
    "spectrogram",
]  # fmt: skip
