"""A filter found by descent in the frequency domain: complex parameters, rfft/irfft, stft, conv1d by FFT."""

import math

import numpy as np
import torch


def main(same_weights):
    rng = np.random.default_rng(0)
    t = torch.arange(64) / 64
    clean = torch.sin(2 * math.pi * 5 * t)
    noisy = clean + 0.3 * torch.from_numpy(rng.normal(size=64)).float()
    response = torch.ones(33, dtype=torch.cfloat, requires_grad=True)
    optimizer, losses = torch.optim.SGD([response], lr=0.5), []
    for _ in range(5):
        optimizer.zero_grad()
        spectrum = torch.fft.rfft(noisy)
        out = torch.fft.irfft(spectrum * response, n=64)
        loss = torch.mean((out - clean) ** 2) + 1e-4 * response.abs().sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    phase = torch.angle(response.detach() + 0.1j)
    window = torch.hann_window(16)
    stft = torch.stft(noisy, 16, hop_length=4, window=window, return_complex=True)
    back = torch.istft(stft, 16, hop_length=4, window=window, length=64)
    image = torch.from_numpy(rng.normal(size=(6, 6)))
    shifted = torch.fft.fftshift(torch.fft.fft2(image)).abs()
    polar = torch.polar(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.5]))
    pair = torch.view_as_complex(torch.view_as_real(polar) * 2)
    kernel = torch.complex(torch.ones(3), torch.zeros(3))
    return losses + [
        response.detach().real,
        response.grad.resolve_conj().imag.clone(),
        phase,
        stft.abs(),
        back,
        shifted,
        pair.real,
        pair.conj().imag.resolve_neg(),
        torch.fft.fftfreq(8),
        kernel.sum().real.resolve_neg(),
    ]
