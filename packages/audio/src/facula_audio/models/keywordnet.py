"""A small convolutional network that tells spoken words apart.

Source: in the manner of Sainath and Parada 2015, "Convolutional neural networks for small-footprint
keyword spotting", with batch normalisation and an average over time.
"""

from __future__ import annotations

from typing import Any

import facula
from facula import nn
from facula_audio import transforms as T


class KeywordNet(nn.Module):
    """Waveforms (batch, frames) at `sample_rate` Hz to scores (batch, classes).

    Its front end takes mel spectrograms in dB (32 ms windows, 16 ms apart) and removes each one's mean
    and spread, so that loudness does not count; three convolutions follow, and the mean and maximum
    over time. `mask` (time steps, mels) hides parts of the spectrograms in training.
    """

    def __init__(
        self,
        classes: int,
        sample_rate: int = 8000,
        n_mels: int = 32,
        width: int = 24,
        mask: tuple[int, int] = (8, 5),
    ):
        super().__init__()
        n_fft = round(sample_rate * 0.032)
        self.mel = T.MelSpectrogram(
            sample_rate, n_fft, hop_length=n_fft // 2, n_mels=n_mels, f_min=60.0
        )
        self.decibels = T.AmplitudeToDB(top_db=60.0)
        self.mask_time = T.TimeMasking(mask[0], iid_masks=True)
        self.mask_mels = T.FrequencyMasking(mask[1], iid_masks=True)
        self.features = nn.Sequential(
            _block(1, width), nn.MaxPool2d(2), _block(width, 2 * width), nn.MaxPool2d(2), _block(2 * width, 4 * width),
            nn.MaxPool2d((2, 1)),
        )  # fmt: skip
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(2 * 4 * width * (n_mels // 8), classes)

    def front_end(self, waveform: Any) -> Any:
        """Spectrograms (batch, 1, n_mels, time) of mean 0 and standard deviation 1."""
        decibels = self.decibels(self.mel(waveform).unsqueeze(1))
        mean = decibels.mean((-2, -1), keepdim=True)
        return (decibels - mean) / (decibels.std((-2, -1), keepdim=True) + 1e-3)

    def forward(self, waveform: Any) -> Any:
        if waveform.ndim != 2:
            raise ValueError(
                f"KeywordNet: expected waveforms (batch, frames), but got shape {tuple(waveform.shape)}"
            )
        x = self.front_end(waveform)
        if self.training:
            x = self.mask_mels(self.mask_time(x))
        x = self.features(x).flatten(1, 2)
        return self.head(self.dropout(facula.cat([x.mean(-1), x.amax(-1)], 1)))


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
