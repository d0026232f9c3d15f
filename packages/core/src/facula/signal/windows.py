"""Window functions: `facula.signal.windows.hann` and its kin, and the older `facula.hann_window`.

All are worked out in float64 and rounded once. `sym=False` gives the periodic window of spectral analysis: the
first M points of the symmetric one of length M + 1. Definitions: F. Harris, "On the use of windows for harmonic
analysis with the discrete Fourier transform", Proc. IEEE 66 (1978); A. Nuttall, IEEE Trans. ASSP 29 (1981).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from facula._tensor import Tensor
from facula.constants import strided
from facula.dtypes import as_dtype, dtype, float32, float64, get_default_dtype

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming",
    "hamming", "hann", "kaiser", "nuttall",
]  # fmt: skip

_Shape = Callable[..., Any]


def _window(points: _Shape) -> Callable[..., Tensor]:
    """Makes the public function of `points(M, span, **parameters)`, which gives M > 1 float64 values.

    `span` is the distance of the ends of the whole window: M - 1, or M for a periodic one.
    """

    @wraps(points)
    def window(
        M: int,
        *,
        sym: bool = True,
        dtype: Any = None,
        layout: Any = strided,
        device: Any = None,
        requires_grad: bool = False,
        **parameters: Any,
    ) -> Tensor:
        kind = _checked(points.__name__, M, dtype, layout)
        made = points(M, M - 1 if sym or M <= 1 else M, device, **parameters)
        return made.to(kind).requires_grad_(requires_grad)  # type: ignore[no-any-return]

    return window


def _checked(name: str, M: int, given: Any, layout: Any) -> dtype:
    kind = get_default_dtype() if given is None else as_dtype(given)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if kind not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
    return kind


def _line(start: float, stop: float, M: int, device: Any) -> Any:
    import facula

    return facula.linspace(start, stop, M, dtype=float64, device=device)


def _ones(M: int, device: Any) -> Any:
    import facula

    return facula.ones(M, dtype=float64, device=device)


@_window
def general_cosine(M: int, span: int, device: Any, *, a: Iterable[float]) -> Any:
    """A sum of cosines: a[0] - a[1] cos(x) + a[2] cos(2x) - ..., for x from 0 to 2 pi."""
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    if M <= 1:
        return _ones(M, device)
    x = _line(0.0, 2 * math.pi * (M - 1) / span, M, device)
    return sum((-1) ** i * w * (i * x).cos() for i, w in enumerate(weights))


def _cosines(name: str, doc: str, a: list[float]) -> Callable[..., Tensor]:
    def points(M: int, span: int, device: Any) -> Any:
        return general_cosine.__wrapped__(M, span, device, a=a)  # type: ignore[attr-defined]

    points.__name__, points.__qualname__, points.__doc__ = name, name, doc
    return _window(points)


hann = _cosines("hann", "The Hann window: one cosine, zero at its ends.", [0.5, 0.5])
hamming = _cosines("hamming", "The Hamming window: one cosine on a pedestal.", [0.54, 0.46])
blackman = _cosines("blackman", "The Blackman window: two cosines.", [0.42, 0.5, 0.08])
nuttall = _cosines(
    "nuttall",
    "Nuttall's window of minimum four terms.",
    [0.3635819, 0.4891775, 0.1365995, 0.0106411],
)


@_window
def general_hamming(M: int, span: int, device: Any, *, alpha: float = 0.54) -> Any:
    """alpha - (1 - alpha) cos(x), for x from 0 to 2 pi."""
    return general_cosine.__wrapped__(M, span, device, a=[alpha, 1 - alpha])  # type: ignore[attr-defined]


@_window
def cosine(M: int, span: int, device: Any) -> Any:
    """Half a period of a sine, sampled between its zeros."""
    step = math.pi / (span + 1) if M > 1 else math.pi
    return _line(0.5 * step, (M - 0.5) * step, M, device).sin()


@_window
def bartlett(M: int, span: int, device: Any) -> Any:
    """The triangle from 0 up to 1 and down to 0."""
    if M <= 1:
        return _ones(M, device)
    return 1 - _line(-1.0, -1 + 2 * (M - 1) / span, M, device).abs()


@_window
def exponential(
    M: int, span: int, device: Any, *, center: float | None = None, tau: float = 1.0
) -> Any:
    """exp(-|n - center| / tau); the center of a symmetric window can't be chosen."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if span == M - 1 and M > 1 and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = span / 2 if center is None else center
    return (-_line(-middle / tau, (M - 1 - middle) / tau, M, device).abs()).exp()


@_window
def gaussian(M: int, span: int, device: Any, *, std: float = 1.0) -> Any:
    """The bell of that standard deviation, in samples."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    scale = 1 / (std * math.sqrt(2))
    return (-(_line(-span / 2 * scale, (M - 1 - span / 2) * scale, M, device) ** 2)).exp()


@_window
def kaiser(M: int, span: int, device: Any, *, beta: float = 12.0) -> Any:
    """The Kaiser window: a Bessel function of the first kind, with shape parameter `beta`."""
    import facula

    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M <= 1:
        return _ones(M, device)
    x = _line(-1.0, -1 + 2 * (M - 1) / span, M, device)
    top = facula.i0(beta * (1 - x * x).clamp(min=0).sqrt())
    return top / facula.i0(facula.tensor(beta, dtype=float64, device=device))


# ---- the older functions: periodic unless told otherwise


def _older(name: str, window: Callable[..., Tensor], *parameters: str) -> Callable[..., Tensor]:
    def function(window_length: int, periodic: bool = True, *args: Any, **options: Any) -> Tensor:
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got {window_length}")
        options.pop("pin_memory", None)
        given = as_dtype(options.pop("dtype", None) or get_default_dtype())
        if not given.is_floating_point:
            raise RuntimeError(f"{name} expects floating point dtypes, got: {given}")
        named = dict(zip(parameters, args)) | options
        requires_grad = named.pop("requires_grad", False)
        if name == "hamming_window":
            named = _hamming(named)
        made = window(window_length, sym=not periodic, dtype=float64, **named)
        return made.to(given).requires_grad_(requires_grad)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{window.__doc__} The older form of `signal.windows.{window.__name__}`."
    return function


def _hamming(named: dict[str, Any]) -> dict[str, Any]:
    alpha, beta = named.pop("alpha", 0.54), named.pop("beta", 0.46)
    return named | {"a": [alpha, beta]}


hann_window = _older("hann_window", hann)
hamming_window = _older("hamming_window", general_cosine, "alpha", "beta")
blackman_window = _older("blackman_window", blackman)
bartlett_window = _older("bartlett_window", bartlett)
kaiser_window = _older("kaiser_window", kaiser, "beta")
