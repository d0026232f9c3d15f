"""Made by tools/make_stubs.py from the op registry; do not edit."""


from typing import Any

from facula._tensor import Tensor

def __getattr__(name: str) -> Any: ...

def fft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fftshift(input: Any, dim: Any = ...) -> Tensor:
    """Moves frequency 0 to the middle, along `dim` (by default all dimensions)."""

def hfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def hfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def hfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def ifft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def ifft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def ifftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def ifftshift(input: Any, dim: Any = ...) -> Tensor:
    """Undoes `fftshift`."""

def ihfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def ihfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def ihfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def irfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def irfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def irfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def rfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def rfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def rfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""
