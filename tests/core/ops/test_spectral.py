"""Short-time Fourier transforms."""

from __future__ import annotations

import numpy as np
import pytest

import facula


@pytest.mark.parametrize(("n_fft", "hop"), [(16, 4), (10, 3), (12, 6)])
def test_istft_undoes_stft(n_fft, hop):
    x = facula.tensor(np.random.default_rng(0).normal(size=(2, 60)))
    window = facula.tensor(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft))
    spectrum = facula.stft(x, n_fft, hop, window=window, return_complex=True)
    assert spectrum.shape == (2, n_fft // 2 + 1, 1 + 60 // hop)
    back = facula.istft(spectrum, n_fft, hop, window=window, length=60)
    np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-12)


def test_errors():
    x = facula.ones(20)
    with pytest.raises(RuntimeError, match="return_complex"):
        facula.stft(x, 8)
    with pytest.raises(RuntimeError, match="win_length"):
        facula.stft(x, 8, win_length=9, return_complex=True)
    with pytest.raises(RuntimeError, match="gap"):
        facula.istft(facula.ones(5, 4, dtype=facula.complex64), 8, window=facula.zeros(8))
