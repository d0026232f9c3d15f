"""Complex numbers: parts, construction, conjugation."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import FROM_NUMPY, is_complex
from facula.ops._op import Namespace, Tensor, leaf, op
from facula.ops.elementwise import sample_unary
from facula.ops.rules import broadcast
from facula.testing.samples import call


def complex_dtype(real: Any, *_: Any) -> Any:
    """The complex dtype of the same precision."""
    return FROM_NUMPY[real.dtype].to_complex().dtype


# ---- views


def _real_dtype(input: Any) -> Any:
    return FROM_NUMPY[input.dtype].to_real().dtype


@leaf(view=True, shape=lambda input: (*input.shape, 2), dtype=_real_dtype, holomorphic=False)
def view_as_real(xp: Namespace, input: Tensor) -> Tensor:
    """A complex tensor as a real one with a last dimension of 2: real and imaginary part."""


@view_as_real.public
def view_as_real(input: Any) -> Any:
    if not input.is_complex():
        raise RuntimeError(f"view_as_real: expected a complex tensor, got {input.dtype}")
    return view_as_real.call(input)


@leaf(view=True, shape=lambda input: input.shape[:-1], dtype=complex_dtype, holomorphic=False)
def view_as_complex(xp: Namespace, input: Tensor) -> Tensor:
    """A real tensor whose last dimension is 2 (and contiguous) as a complex one."""


@view_as_complex.public
def view_as_complex(input: Any) -> Any:
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError(
            f"view_as_complex: expected a float32 or float64 tensor, got {input.dtype}"
        )
    if not input.ndim or input.shape[-1] != 2:
        raise RuntimeError(
            f"view_as_complex: the last dimension must have size 2, the shape is {tuple(input.shape)}"
        )
    strides = input.stride()
    if input.numel() and (strides[-1] != 1 or any(s % 2 for s in strides[:-1])):
        raise RuntimeError(
            f"view_as_complex: strides {strides} don't keep the two parts together; call .contiguous()"
        )
    return view_as_complex.call(input)


view_as_real.vjp(input=lambda xp, g: xp.view_as_complex(xp.contiguous(g)))
view_as_complex.vjp(input=lambda xp, g: xp.view_as_real(g))
view_as_real.sample(
    lambda make: [call(make(2, 3, dtype="complex128")), call(make(dtype="complex128"))]
)
view_as_complex.sample(lambda make: [call(make(3, 2)), call(make(2)), call(make(0, 2))])


@op(alias=True, arithmetic=False, method=False)
def real(xp: Namespace, input: Tensor) -> Tensor:
    """The real part, a view; of a real tensor the tensor itself."""
    if not is_complex(input.dtype):
        return input
    return xp.select(xp.view_as_real(input), len(input.shape), 0)


@op(alias=True, arithmetic=False, method=False)
def imag(xp: Namespace, input: Tensor) -> Tensor:
    """The imaginary part, a view. Raises RuntimeError for a real tensor."""
    if not is_complex(input.dtype):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return xp.select(xp.view_as_real(input), len(input.shape), 1)


for _op in (real, imag):
    _op.sample(lambda make: [call(make(2, 3, dtype="complex128")), call(make(dtype="complex128"))])

# ---- construction


@op(promote=None, holomorphic=False)
def complex(xp: Namespace, real: Tensor, imag: Tensor) -> Tensor:
    """`real + 1j * imag`. Raises RuntimeError unless both are float32 or both float64."""
    shape = broadcast(real, imag)
    parts = [xp.unsqueeze(xp.expand(part, shape), len(shape)) for part in (real, imag)]
    return xp.view_as_complex(xp.contiguous(xp.join(tuple(parts), len(shape))))


@complex.public
def complex(real: Any, imag: Any) -> Any:
    _check_parts("complex", real, imag)
    return complex.call(real, imag)


def _check_parts(name: str, first: Any, second: Any) -> None:
    if first.dtype.name not in ("float32", "float64", "float16") or first.dtype is not second.dtype:
        raise RuntimeError(
            f"{name}: expected two tensors of one floating-point dtype (float32 or float64), "
            f"got {first.dtype} and {second.dtype}"
        )


complex.vjp(real=lambda xp, g: xp.real(g), imag=lambda xp, g: xp.imag(g))


@op(holomorphic=False)
def polar(xp: Namespace, abs: Tensor, angle: Tensor) -> Tensor:
    """The complex number of magnitude `abs` and `angle` in radians."""
    return xp.complex(abs * xp.cos(angle), abs * xp.sin(angle))


@polar.public
def polar(abs: Any, angle: Any) -> Any:
    _check_parts("polar", abs, angle)
    return polar.call(abs, angle)


for _op in (complex, polar):
    _op.sample(
        lambda make: [
            call(make(2, 3, low=0.5), make(2, 3)),
            call(make(2, 1, low=0.5), make(3)),
            call(make(0), make(1)),
        ]
    )


# ---- angle and conjugate


@op(promote="float", holomorphic=False, inplace=False)
def angle(xp: Namespace, input: Tensor) -> Tensor:
    """Angle in radians from -pi to pi; of real numbers 0 or pi, NaN for NaN."""
    if is_complex(input.dtype):
        return xp.atan2(xp.imag(input), xp.real(input))
    return xp.where(
        xp.isnan(input),
        input,
        xp.where(xp.lt(input, 0), math.pi, xp.full(input.shape, 0, input.dtype)),
    )


def _angle_rule(xp: Namespace, g: Any, input: Any) -> Any:
    if not is_complex(input.dtype):
        return xp.full(g.shape, 0, g.dtype)
    size = xp.abs(input)
    safe = xp.where(size == 0, 1.0, size)
    return xp.where(size == 0, 0.0, input * 1j * (g / (safe * safe)))


angle.vjp(input=_angle_rule)
sample_unary(angle, complex=True)


@leaf(shape=broadcast, holomorphic=False, arithmetic=False)
def conj(xp: Namespace, input: Tensor) -> Tensor:
    """Complex conjugate; `input` itself where it is real."""


conj.vjp(input=lambda xp, g: xp.conj(g))


@op(holomorphic=False, arithmetic=False, inplace=True)
def conj_physical(xp: Namespace, input: Tensor) -> Tensor:
    """Complex conjugate, always in memory of its own."""
    return xp.conj(input)


@op(alias=True, arithmetic=False)
def resolve_conj(xp: Namespace, input: Tensor) -> Tensor:
    """`input` itself: conjugation is never put off here."""
    return input


@op(alias=True, arithmetic=False)
def resolve_neg(xp: Namespace, input: Tensor) -> Tensor:
    """`input` itself: negation is never put off here."""
    return input


for _op in (conj, conj_physical, resolve_conj, resolve_neg):
    sample_unary(_op, complex=True)
