"""Fourier transforms by the module's own; none of them normalises."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def fourier(input: Any, dim: Any, forward: bool) -> Any:
        if not input.size or not dim:
            return input.copy()
        for axis in dim:
            if forward:
                input = m.fft.fft(input, axis=axis)
            else:
                input = m.fft.ifft(input, axis=axis, norm="forward")
        return input

    return {
        "fourier": fourier,
        "fourier_of_real": lambda input, dim: m.fft.rfft(input, axis=dim),
        "fourier_to_real": lambda input, dim, n: m.fft.irfft(input, n, axis=dim, norm="forward"),
    }
