"""Fourier transforms against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import facula

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("n", [None, 5, 8])
def test_one_dimension(name, norm, n):
    x = RNG.normal(size=(3, 6))
    got = getattr(facula.fft, name)(facula.tensor(x), n, norm=norm)
    np.testing.assert_allclose(got.numpy(), getattr(np.fft, name)(x, n, norm=norm), atol=1e-12)


@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "rfftn"])
def test_several_dimensions(name):
    x = RNG.normal(size=(2, 4, 6))
    np.testing.assert_allclose(
        getattr(facula.fft, name)(facula.tensor(x)).numpy(), getattr(np.fft, name)(x), atol=1e-12
    )


def test_single_precision_stays_single():
    assert facula.fft.fft(facula.ones(4)).dtype is facula.complex64
    assert facula.fft.irfft(facula.fft.rfft(facula.ones(4))).dtype is facula.float32


def test_frequencies_and_shift():
    for n in (4, 5):
        np.testing.assert_allclose(
            facula.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), rtol=1e-6
        )
        np.testing.assert_allclose(facula.fft.rfftfreq(n).numpy(), np.fft.rfftfreq(n), rtol=1e-6)
        assert facula.fft.ifftshift(facula.fft.fftshift(facula.arange(n))).tolist() == list(
            range(n)
        )


def test_errors():
    with pytest.raises(RuntimeError, match="data points"):
        facula.fft.fft(facula.ones(4), 0)
    with pytest.raises(RuntimeError, match="normalization"):
        facula.fft.fft(facula.ones(4), norm="no")
    with pytest.raises(RuntimeError, match="real input"):
        facula.fft.rfft(facula.ones(4, dtype=facula.complex64))
