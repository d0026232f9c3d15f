"""Fourier transforms, from three host ops that do not normalise: complex, real to complex and back."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import as_dtype, is_complex
from facula.ops._op import Namespace, Op, Tensor, host_op, op
from facula.ops.complex import complex_dtype
from facula.ops.dims import wrap_dim
from facula.ops.rules import real_dtype, same
from facula.testing.samples import call

# ---- the transforms themselves; `forward` means the exponent -2 pi i k n / N


@host_op(shape=same, method=False)
def fourier(xp: Namespace, input: Tensor, dim: Any, forward: bool) -> Tensor:
    """Transform of a complex tensor along the dimensions `dim` (a tuple, counted from the front)."""


@host_op(
    shape=lambda input, dim: (*input.shape[:dim], input.shape[dim] // 2 + 1, *input.shape[dim + 1 :]),
    dtype=complex_dtype, method=False, holomorphic=False,
)  # fmt: skip
def fourier_of_real(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Forward transform of a real tensor: the first half (n // 2 + 1) of the spectrum."""


@host_op(
    shape=lambda input, dim, n: (*input.shape[:dim], n, *input.shape[dim + 1 :]),
    dtype=real_dtype, method=False, holomorphic=False,
)  # fmt: skip
def fourier_to_real(xp: Namespace, input: Tensor, dim: int, n: int) -> Tensor:
    """Backward transform of the first half of a Hermitian spectrum: `n` real numbers."""


def _of_real_rule(xp: Namespace, g: Any, input_shape: Any, dim: int) -> Any:
    full = resize(xp, g, dim, input_shape[dim])
    return xp.real(xp.fourier(full, (dim,), False))


def _to_real_rule(xp: Namespace, g: Any, input_shape: Any, dim: int, n: int) -> Any:
    half = xp.fourier_of_real(g, dim)
    once = xp.slice(half, dim, 0, 1, 1)
    twice = xp.slice(half, dim, 1, (n + 1) // 2, 1) * 2
    last = xp.slice(half, dim, (n + 1) // 2, n // 2 + 1, 1)  # Nyquist, where n is even
    return resize(xp, xp.join((once, twice, last), dim), dim, input_shape[dim])


fourier.vjp(input=lambda xp, g, dim, forward: xp.fourier(g, dim, forward))
fourier_of_real.vjp(input=_of_real_rule)
fourier_to_real.vjp(input=_to_real_rule)


def resize(xp: Namespace, x: Any, dim: int, n: int) -> Any:
    """`x` cut, or filled up with zeros, to size `n` along `dim`."""
    size = x.shape[dim]
    if size == n:
        return x
    if size > n:
        return xp.slice(x, dim, 0, n, 1)
    zeros = xp.full((*x.shape[:dim], n - size, *x.shape[dim + 1 :]), 0, x.dtype)
    return xp.join((x, zeros), dim)


# ---- arguments


def scale_of(norm: Any, forward: bool, n: int) -> float:
    """The factor of a transform over `n` points: 'forward' scales that way, 'backward' the other."""
    if norm == "ortho":
        return 1 / math.sqrt(n)
    if norm not in (None, "forward", "backward"):
        raise RuntimeError(
            f'Invalid normalization mode: "{norm}"; expected "forward", "backward" or "ortho"'
        )
    return 1 / n if (norm == "forward") is forward else 1.0


def scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else x * factor


def _one(input: Any, n: int | None, dim: int, name: str) -> tuple[int, int]:
    """(dimension, number of points) of a transform along one dimension."""
    if not input.shape:
        raise IndexError(f"{name}: dimension {dim} is out of range for a 0-d tensor")
    at = wrap_dim(dim, len(input.shape))
    points = input.shape[at] if n is None else n
    if points < 1:
        raise RuntimeError(f"{name}: Invalid number of data points ({points}) specified")
    return at, points


def _many(input: Any, s: Any, dim: Any, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(dimensions, numbers of points) of a transform along several."""
    ndim = len(input.shape)
    s = (s,) if isinstance(s, int) else s
    if dim is None:
        if s is not None and len(s) > ndim:
            raise RuntimeError(
                f"{name}: got shape with {len(s)} values but input tensor only has {ndim} dimensions"
            )
        dims = tuple(range(0 if s is None else ndim - len(s), ndim))
    else:
        dims = tuple(wrap_dim(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
        if dims and not ndim:
            raise IndexError(f"{name}: dimensions {tuple(dims)} are out of range for a 0-d tensor")
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{name}: FFT dims must be unique, got {dim}")
    if s is not None and len(s) != len(dims):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, got {dim} and {s}"
        )
    sizes = tuple(input.shape[d] if s is None or s[i] == -1 else s[i] for i, d in enumerate(dims))
    if any(n < 1 for n in sizes):
        raise RuntimeError(f"{name}: Invalid number of data points ({min(sizes)}) specified")
    return dims, sizes


def _as_complex(xp: Namespace, x: Any) -> Any:
    return x if is_complex(x.dtype) else xp.cast(x, as_dtype(x.dtype).to_complex().dtype)


def _real_only(name: str, x: Any) -> None:
    if is_complex(x.dtype):
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype}")


# ---- complex to complex


def _transform(xp: Namespace, input: Any, dims: Any, sizes: Any, norm: Any, forward: bool) -> Any:
    for d, n in zip(dims, sizes):
        input = resize(xp, input, d, n)
    input = _as_complex(xp, input)
    factor = scale_of(norm, forward, math.prod(sizes))
    return scaled(xp.fourier(input, dims, forward), factor) if dims else input * 1


def _complex_family(forward: bool) -> None:
    name = "fft" if forward else "ifft"
    what = "Discrete Fourier transform" if forward else "Inverse of the discrete Fourier transform"

    def one(
        xp: Namespace, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
    ) -> Tensor:
        at, points = _one(input, n, dim, name)
        return _transform(xp, input, (at,), (points,), norm, forward)

    def two(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
    ) -> Tensor:
        return _transform(xp, input, *_many(input, s, dim, name + "2"), norm, forward)

    def many(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None
    ) -> Tensor:
        return _transform(xp, input, *_many(input, s, dim, name + "n"), norm, forward)

    _register(name, what, one, two, many)


def _register(name: str, what: str, one: Any, two: Any, many: Any) -> None:
    for function, suffix, where in (
        (one, "", "along `dim`, of `n` points (cut, or filled up with zeros)"),
        (two, "2", "along two dimensions, of `s` points each"),
        (many, "n", "along the dimensions `dim` (by default all), of `s` points each"),
    ):
        function.__name__ = f"fft_{name}{suffix}"
        function.__doc__ = f"{what} {where}; `norm` is 'backward', 'ortho' or 'forward'."
        _sample(op(promote="float", inplace=False)(function), suffix, name)


def _sample(o: Op, suffix: str, name: str) -> None:
    dtype = "float64" if name in ("rfft", "ihfft") else "complex128"

    def samples(make: Any) -> Any:
        if not suffix:
            yield call(make(2, 5, dtype=dtype))
            yield call(make(4, 2, dtype=dtype), n=3, dim=0, norm="ortho")
            yield call(make(3, dtype=dtype), n=6, norm="forward")
        else:
            yield call(make(3, 4, dtype=dtype))
            yield call(make(2, 3, 2, dtype=dtype), s=(2, 4), dim=(0, 1), norm="ortho")

    o.sample(samples)


# ---- real to complex: rfft, and ihfft, which is its conjugate


def _half(
    xp: Namespace, input: Any, dims: Any, sizes: Any, norm: Any, inverse: bool, name: str
) -> Any:
    _real_only(name, input)
    if not dims:
        raise RuntimeError(f"{name}: at least one dimension is needed")
    for d, n in zip(dims, sizes):
        input = resize(xp, input, d, n)
    out = xp.fourier_of_real(input, dims[-1])
    out = xp.fourier(out, dims[:-1], True) if len(dims) > 1 else out
    out = scaled(out, scale_of(norm, not inverse, math.prod(sizes)))
    return xp.conj(out) if inverse else out


def _half_family(inverse: bool) -> None:
    name = "ihfft" if inverse else "rfft"
    what = "First half of the (inverse) spectrum of a real signal"

    def one(
        xp: Namespace, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
    ) -> Tensor:
        at, points = _one(input, n, dim, name)
        return _half(xp, input, (at,), (points,), norm, inverse, name)

    def two(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
    ) -> Tensor:
        return _half(xp, input, *_many(input, s, dim, name + "2"), norm, inverse, name + "2")

    def many(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None
    ) -> Tensor:
        return _half(xp, input, *_many(input, s, dim, name + "n"), norm, inverse, name + "n")

    _register(name, what, one, two, many)


# ---- complex to real: irfft, and hfft, which takes the conjugate


def _whole(
    xp: Namespace, input: Any, dims: Any, sizes: Any, norm: Any, inverse: bool, name: str
) -> Any:
    """`sizes` are those of the result; of the last dimension the first half is taken."""
    if not dims:
        raise RuntimeError(f"{name}: at least one dimension is needed")
    for d, n in zip(dims[:-1], sizes[:-1]):
        input = resize(xp, input, d, n)
    last, n = dims[-1], sizes[-1]
    input = _as_complex(xp, resize(xp, input, last, n // 2 + 1))
    if not inverse:
        input = xp.conj(input)
    input = xp.fourier(input, dims[:-1], False) if len(dims) > 1 else input
    return scaled(xp.fourier_to_real(input, last, n), scale_of(norm, not inverse, math.prod(sizes)))


def _doubled(input: Any, s: Any, dim: Any, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """As `_many`; the last dimension's size is by default that of the whole signal."""
    dims, sizes = _many(input, s, dim, name)
    if dims and (s is None or (s if isinstance(s, int) else s[-1]) == -1):
        points = 2 * (input.shape[dims[-1]] - 1)
        if points < 1:
            raise RuntimeError(f"{name}: Invalid number of data points ({points}) specified")
        sizes = (*sizes[:-1], points)
    return dims, sizes


def _whole_family(inverse: bool) -> None:
    name = "irfft" if inverse else "hfft"
    what = "Real signal whose (inverse) spectrum begins with `input`"

    def one(
        xp: Namespace, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
    ) -> Tensor:
        dims, sizes = _doubled(
            input, None if n is None else (n,), (_one(input, n, dim, name)[0],), name
        )
        return _whole(xp, input, dims, sizes, norm, inverse, name)

    def two(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
    ) -> Tensor:
        return _whole(xp, input, *_doubled(input, s, dim, name + "2"), norm, inverse, name + "2")

    def many(
        xp: Namespace, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None
    ) -> Tensor:
        return _whole(xp, input, *_doubled(input, s, dim, name + "n"), norm, inverse, name + "n")

    _register(name, what, one, two, many)


for _direction in (True, False):
    _complex_family(_direction)
    _half_family(_direction)
    _whole_family(_direction)


# ---- order of frequencies


def _shifted(xp: Namespace, input: Any, dim: Any, by_half: Any) -> Any:
    dims = (
        range(len(input.shape))
        if dim is None
        else [wrap_dim(d, len(input.shape)) for d in ((dim,) if isinstance(dim, int) else dim)]
    )
    for d in dims:
        n = input.shape[d]
        at = n - by_half(n)
        if n > 1:
            input = xp.join((xp.slice(input, d, at, n, 1), xp.slice(input, d, 0, at, 1)), d)
    return input


@op(alias=True, arithmetic=False)
def fft_fftshift(xp: Namespace, input: Tensor, dim: Any = None) -> Tensor:
    """Moves frequency 0 to the middle, along `dim` (by default all dimensions)."""
    return _shifted(xp, input, dim, lambda n: n // 2)


@op(alias=True, arithmetic=False)
def fft_ifftshift(xp: Namespace, input: Tensor, dim: Any = None) -> Tensor:
    """Undoes `fftshift`."""
    return _shifted(xp, input, dim, lambda n: (n + 1) // 2)


for _op in (fft_fftshift, fft_ifftshift):
    _op.sample(lambda make: [call(make(5)), call(make(2, 3)), call(make(3, 4), dim=1)])
