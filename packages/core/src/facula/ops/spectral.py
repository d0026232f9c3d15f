"""Short-time Fourier transform and its inverse."""

from __future__ import annotations

import math
import warnings
from typing import Any

from facula.dtypes import category, is_complex
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call


def _frame_sizes(
    name: str, n_fft: int, hop_length: int | None, win_length: int | None, window: Any
) -> tuple[int, int]:
    """(hop, window length) with PyTorch's defaults. Raises RuntimeError for what does not fit."""
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if n_fft <= 0 or hop <= 0:
        raise RuntimeError(
            f"{name}: expected n_fft > 0 and hop_length > 0, but got n_fft={n_fft}, hop_length={hop}"
        )
    if not 0 < size <= n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={size}, n_fft={n_fft}"
        )
    if window is not None and tuple(window.shape) != (size,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={size}, but got {tuple(window.shape)}"
        )
    return hop, size


def _whole_window(xp: Namespace, window: Any, size: int, n_fft: int, dtype: Any) -> Any:
    """The window in the middle of `n_fft` points."""
    window = xp.full((size,), 1, dtype) if window is None else window
    left = (n_fft - size) // 2
    if size == n_fft:
        return window
    return xp.join(
        (
            xp.full((left,), 0, window.dtype),
            window,
            xp.full((n_fft - size - left,), 0, window.dtype),
        ),
        0,
    )


@op(promote=None)
def stft(
    xp: Namespace,
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Fourier transforms of overlapping windows of a signal (samples,) or (batch, samples).

    The result is complex, of shape (batch, frequencies, frames): n_fft // 2 + 1 frequencies where
    `onesided` (the default for real signals). Frame t begins at sample t * hop_length, or is centred
    there with `center`, for which the signal is padded by `pad_mode`.
    """
    hop, size = _frame_sizes("stft", n_fft, hop_length, win_length, window)
    if len(input.shape) not in (1, 2) or category(input.dtype) < 2:
        raise RuntimeError(
            f"stft: expected a floating-point tensor of 1 or 2 dimensions, but got {input.dtype} {tuple(input.shape)}"
        )
    rows = xp.reshape(input, (1, *input.shape)) if len(input.shape) == 1 else input
    if center:
        rows = xp.reshape(
            xp.pad(xp.unsqueeze(rows, 0), (n_fft // 2, n_fft // 2), pad_mode), (rows.shape[0], -1)
        )
    if n_fft > rows.shape[-1]:
        raise RuntimeError(
            f"stft: expected 0 < n_fft <= {rows.shape[-1]} (the padded signal), but got n_fft={n_fft}"
        )
    frames = xp.unfold(rows, 1, n_fft, hop)
    if window is not None or size < n_fft:
        frames = frames * _whole_window(xp, window, size, n_fft, input.dtype)
    complex = is_complex(frames.dtype)
    half = not complex if onesided is None else onesided
    if half and complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    out = xp.fft_rfft(frames) if half else xp.fft_fft(frames)
    out = xp.transpose(out * n_fft**-0.5 if normalized else out, -1, -2)
    out = out if len(input.shape) == 2 else xp.squeeze(out, 0)
    return out if return_complex or return_complex is None else xp.contiguous(xp.view_as_real(out))


@stft.public
def stft(input: Any, n_fft: int, *args: Any, **named: Any) -> Any:
    names = stft.parameters[2 : 2 + len(args)]
    named |= {p.name: a for p, a in zip(names, args)}
    window = named.get("window")
    complex = input.is_complex() or (window is not None and window.is_complex())
    if named.get("return_complex") is None and not complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs; "
            "give return_complex=True (view_as_real(result) has the parts as a last dimension)"
        )
    if named.get("center", True) and named.get("align_to_window") is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    return stft.call(input, n_fft, **named)


def _overlap_add(xp: Namespace, frames: Any, hop: int) -> Any:
    """Sum of frames (batch, frames, samples), each `hop` samples after the one before.

    Frames are cut into pieces of `hop` samples: a handful of additions, however many samples.
    """
    batch, count, n = frames.shape
    pieces = -(-n // hop)
    if pieces * hop != n:
        frames = xp.join((frames, xp.full((batch, count, pieces * hop - n), 0, frames.dtype)), 2)
    total = None
    for k in range(pieces):
        part = xp.slice(frames, 2, k * hop, (k + 1) * hop, 1)
        before, after = (xp.full((batch, m, hop), 0, frames.dtype) for m in (k, pieces - 1 - k))
        moved = xp.join((before, part, after), 1)
        total = moved if total is None else total + moved
    whole = xp.reshape(total, (batch, (count + pieces - 1) * hop))
    return xp.slice(whole, 1, 0, n + (count - 1) * hop, 1)


@op(promote=None)
def istft(
    xp: Namespace,
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal of a short-time Fourier transform (batch, frequencies, frames), by least squares.

    Griffin and Lim, "Signal estimation from modified short-time Fourier transform" (1984). Raises
    RuntimeError where the windows leave a gap, so that the signal is not determined.
    """
    hop, size = _frame_sizes("istft", n_fft, hop_length, win_length, window)
    half = _check_spectrum(input, n_fft, onesided, return_complex)
    spectrum = input if len(input.shape) == 3 else xp.unsqueeze(input, 0)
    spectrum = xp.transpose(spectrum, -1, -2)
    if normalized:
        spectrum = spectrum * math.sqrt(n_fft)
    if return_complex:
        frames = xp.fft_ifft(spectrum)
    else:
        spectrum = spectrum if half else xp.slice(spectrum, 2, 0, n_fft // 2 + 1, 1)
        frames = xp.fft_irfft(spectrum, n_fft)
    weights = _whole_window(xp, window, size, n_fft, xp.real(frames).dtype)
    envelope = xp.reshape(weights * weights, (1, 1, n_fft))
    envelope = _overlap_add(xp, xp.expand(envelope, (1, frames.shape[1], n_fft)), hop)
    out = _overlap_add(xp, frames * weights, hop)
    start, end = _kept(out.shape[1], n_fft, center, length)
    out, envelope = xp.slice(out, 1, start, end, 1), xp.slice(envelope, 1, start, end, 1)
    _check_gaps(xp, envelope)
    out = out / envelope
    if length is not None and end - start < length:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail.",
            stacklevel=2,
        )
        out = xp.join((out, xp.full((out.shape[0], length - (end - start)), 0, out.dtype)), 1)
    return out if len(input.shape) == 3 else xp.squeeze(out, 0)


def _check_spectrum(input: Any, n_fft: int, onesided: bool | None, return_complex: bool) -> bool:
    """Whether the spectrum is one-sided."""
    if not is_complex(input.dtype):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if len(input.shape) not in (2, 3) or 0 in tuple(input.shape):
        raise RuntimeError(
            f"istft: expected a non-empty tensor with 2 or 3 dimensions, but got {tuple(input.shape)}"
        )
    half = input.shape[-2] != n_fft if onesided is None else onesided
    expected = n_fft // 2 + 1 if half else n_fft
    if input.shape[-2] != expected:
        raise RuntimeError(
            f"istft: expected {expected} frequencies for n_fft={n_fft}, onesided={half}, but got {input.shape[-2]}"
        )
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    return half


def _kept(samples: int, n_fft: int, center: bool, length: int | None) -> tuple[int, int]:
    """Which samples of the overlapped frames make the signal."""
    start = n_fft // 2 if center else 0
    if length is not None:
        return start, min(start + length, samples)
    return start, samples - n_fft // 2 if center else samples


def _check_gaps(xp: Namespace, envelope: Any) -> None:
    """Refuses windows that add up to 0 somewhere; where there are no values (meta, trace) it cannot tell."""
    try:
        least = (
            float(xp.amax(-xp.abs(envelope), None, False))
            if 0 not in tuple(envelope.shape)
            else -1.0
        )
    except (NotImplementedError, TypeError):
        return
    if -least < 1e-11:
        raise RuntimeError(
            f"istft: window overlap add min: {-least} is below 1e-11: the windows leave a gap in the signal"
        )


def _hann(make: Any, n: int) -> Any:
    return make.of([0.5 - 0.5 * math.cos(2 * math.pi * i / n) for i in range(n)])


@stft.sample
def stft(make: Any) -> Any:
    yield call(make(20), 8, return_complex=True)
    yield call(make(2, 20), 6, 3, window=_hann(make, 6), return_complex=True, normalized=True)
    yield call(
        make(2, 12),
        6,
        2,
        4,
        window=_hann(make, 4),
        center=False,
        onesided=False,
        return_complex=True,
    )


@istft.sample
def istft(make: Any) -> Any:
    yield call(make(5, 4, dtype="complex128"), 8, 3)
    yield call(make(2, 4, 6, dtype="complex128"), 6, 2, window=_hann(make, 6), length=9)
    yield call(
        make(6, 5, dtype="complex128"), 6, 2, center=False, onesided=False, return_complex=True
    )
