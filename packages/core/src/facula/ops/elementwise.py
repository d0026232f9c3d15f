"""Elementwise arithmetic, rounding, powers, logarithms, trigonometric and hyperbolic functions."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import category, is_complex, is_integral
from facula.ops._op import Namespace, Op, Tensor, host_op, leaf, op
from facula.ops.rules import broadcast, real_dtype, wider
from facula.testing.samples import call

# ---- samples that many ops share


def sample_unary(
    o: Op, low: float = -2.0, high: float = 2.0, complex: bool = False, integer: bool = True
) -> None:
    """Matrices, a 0-d and an empty tensor, a transposed one; integers, and complex numbers where taken."""

    def samples(make: Any) -> Any:
        yield call(make(3, 4, low=low, high=high))
        yield call(make(low=low, high=high))
        yield call(make(2, 0, low=low, high=high))
        if integer:
            yield call(make.of([max(1, math.ceil(low)), max(1, math.floor(high))], "int64"))
        if complex:
            yield call(make(2, 2, low=low, high=high, dtype="complex128"))

    o.sample(samples)


def sample_binary(
    o: Op, low: float = -2.0, high: float = 2.0, complex: bool = False, integer: bool = True
) -> None:
    """Equal shapes, broadcasting both ways, a 0-d tensor and Python scalars."""

    def samples(make: Any) -> Any:
        yield call(make(3, 2, low=low, high=high), make(3, 2, low=low, high=high))
        yield call(make(3, 1, low=low, high=high), make(2, low=low, high=high))
        yield call(make(low=low, high=high), make(2, 2, low=low, high=high))
        yield call(make(0, 2, low=low, high=high), make(2, low=low, high=high))
        yield call(make(2, 2, low=low, high=high), 1.25)
        if integer:
            yield call(make.of([3, 2, 1], "int64"), make.of([1, 2, 1], "int64"))
            yield call(make.of([3, 2], "int32"), make(2, low=low, high=high))
        if complex:
            yield call(
                make(2, 2, dtype="complex128", low=low, high=high),
                make(2, dtype="complex128", low=low, high=high),
            )
            yield call(
                make(2, 2, dtype="complex128", low=low, high=high), make(2, low=low, high=high)
            )

    o.sample(samples)


def zero_gradient(xp: Namespace, g: Any) -> Any:
    """The rule of what is constant almost everywhere."""
    return xp.full(g.shape, 0, g.dtype)


# ---- arithmetic


@leaf(promote="common", shape=broadcast, dtype=wider)
def add(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Sum of `input` and `alpha * other`, broadcast together."""


@add.public
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return add.call(input, other if alpha == 1 else scaled("add", input, other, alpha))


add.vjp(input=lambda xp, g: g, other=lambda xp, g: g)
sample_binary(add, complex=True)


def scaled(name: str, input: Any, other: Any, alpha: Any) -> Any:
    """`alpha * other`, for ops that take such a factor; it may not make integers floating-point."""
    for x in (input, other):
        if hasattr(x, "dtype") and not isinstance(alpha, (bool, int)) and is_integral(x.dtype):
            raise RuntimeError(
                f"{name}: for integral input tensors alpha must not be a floating-point number, got {alpha}"
            )
    return mul.call(other, alpha)


@leaf(
    promote="common",
    shape=broadcast,
    dtype=wider,
    refuses_bool="Subtraction, the `-` operator, with two bool tensors is not supported. "
    "Use the `^` or `logical_xor()` operator instead.",
)
def sub(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input - alpha * other`, broadcast together."""


@sub.public
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return sub.call(input, other if alpha == 1 else scaled("sub", input, other, alpha))


sub.alias_as("subtract")
sub.vjp(input=lambda xp, g: g, other=lambda xp, g: xp.neg(g))
sample_binary(sub, complex=True)


@op(promote="common", scalars=True)
def rsub(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`other - alpha * input`."""
    return xp.sub(other, input)


@rsub.public
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return sub.call(other, input if alpha == 1 else scaled("rsub", other, input, alpha))


rsub.vjp(input=lambda xp, g: -g, other=lambda xp, g: g)
sample_binary(rsub, complex=True)


@leaf(promote="common", shape=broadcast, dtype=wider)
def mul(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Product, broadcast together."""


mul.alias_as("multiply")
# Named kernels, not operators: a backend may have faster ones for large arrays.
mul.vjp(input=lambda xp, g, other: xp.mul(g, other), other=lambda xp, g, input: xp.mul(g, input))
sample_binary(mul, complex=True)


@leaf(promote="float", shape=broadcast, dtype=wider)
def div(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Quotient, broadcast together; of integers too it is floating-point.

    `rounding_mode` 'trunc' or 'floor' rounds it, and keeps integers integer.
    """


@div.public
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return div.call(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return trunc_divide(input, other)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
    )


div.alias_as("divide", "true_divide")
div.vjp(
    input=lambda xp, g, other: xp.div(g, other),
    other=lambda xp, g, other, out: xp.mul(xp.neg(g), xp.div(out, other)),
)
sample_binary(div, 0.5, 2.0, complex=True)


@leaf(promote="common", shape=broadcast, refuses_bool="floor_divide: not defined for bool tensors")
def floor_divide(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Quotient rounded down; integers stay integer. Raises RuntimeError for an integer divided by 0."""


floor_divide.vjp(input=zero_gradient, other=zero_gradient)
sample_binary(floor_divide, 0.6, 0.9)


@op(
    promote="common",
    method=False,
    inplace=False,
    refuses_bool="trunc_divide: not defined for bool tensors",
)
def trunc_divide(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Quotient rounded towards 0; integers stay integer."""
    if not is_integral(input.dtype):
        return xp.trunc(input / other)
    size = xp.floor_divide(xp.abs(input), xp.abs(other))
    return xp.where(xp.ne(xp.lt(input, 0), xp.lt(other, 0)), -size, size)


trunc_divide.vjp(input=zero_gradient, other=zero_gradient)


@leaf(promote="common", shape=broadcast, refuses_bool="remainder: not defined for bool tensors")
def remainder(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input - floor(input / other) * other`: it has the sign of `other`.

    Raises RuntimeError for an integer divided by 0.
    """


remainder.vjp(
    input=lambda xp, g: g, other=lambda xp, g, input, other: -g * xp.floor_divide(input, other)
)
sample_binary(remainder, 1.3, 2.0)


@op(promote="common", refuses_bool="fmod: not defined for bool tensors")
def fmod(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input - trunc(input / other) * other`: it has the sign of `input`."""
    size = xp.remainder(xp.abs(input), xp.abs(other))
    return xp.where(xp.lt(input, 0), -size, size)


fmod.vjp(input=lambda xp, g: g, other=lambda xp, g, input, other: -g * xp.trunc(input / other))
sample_binary(fmod, 1.3, 2.0)


@leaf(
    promote="common",
    shape=broadcast,
    refuses_bool="Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
    "a mask, use the `~` or `logical_not()` operator instead.",
)
def neg(xp: Namespace, input: Tensor) -> Tensor:
    """`-input`. Raises RuntimeError for bool."""


neg.alias_as("negative")
neg.vjp(input=lambda xp, g: xp.neg(g))
sample_unary(neg, complex=True)


@op(alias=True, arithmetic=False)
def positive(xp: Namespace, input: Tensor) -> Tensor:
    """`input` itself. Raises RuntimeError for bool."""
    if category(input.dtype) == 0:
        raise RuntimeError("positive: bool tensors have no sign; convert to an integer dtype first")
    return input


sample_unary(positive, complex=True)


@leaf(shape=broadcast, dtype=real_dtype, holomorphic=False, inplace=True)
def abs(xp: Namespace, input: Tensor) -> Tensor:
    """Absolute value; of a complex number its magnitude."""


abs.alias_as("absolute")
abs.vjp(input=lambda xp, g, input: g * xp.sgn(input))
sample_unary(abs, complex=True)


@leaf(shape=broadcast, inplace=True)
def sign(xp: Namespace, input: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of `input`; 0 for NaN."""


sign.vjp(input=zero_gradient)
sample_unary(sign)


@op(inplace=True)
def sgn(xp: Namespace, input: Tensor) -> Tensor:
    """`sign` for real numbers; for complex ones `input / abs(input)`, and 0 for 0."""
    if not is_complex(input.dtype):
        return xp.sign(input)
    size = xp.abs(input)
    return xp.where(size == 0, 0.0, input / xp.where(size == 0, 1.0, size))


sample_unary(sgn, complex=True)


@op(promote="common")
def addcmul(
    xp: Namespace, input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any = 1
) -> Tensor:
    """`input + value * tensor1 * tensor2`."""
    return input + (tensor1 * tensor2 if value == 1 else tensor1 * tensor2 * value)


@addcmul.public
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    _check_factor("addcmul", input, value)
    return addcmul.call(input, tensor1, tensor2, value)


def _check_factor(name: str, input: Any, value: Any) -> None:
    if is_integral(input.dtype) and not isinstance(value, (bool, int)):
        raise RuntimeError(
            f"{name}: value {value} can't be converted to {input.dtype} without overflow or rounding"
        )


addcmul.vjp(
    input=lambda xp, g: g,
    tensor1=lambda xp, g, tensor2, value: g * (tensor2 * value),
    tensor2=lambda xp, g, tensor1, value: g * (tensor1 * value),
)


@op(promote="common")
def addcdiv(
    xp: Namespace, input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any = 1
) -> Tensor:
    """`input + value * tensor1 / tensor2`. Raises RuntimeError for integers."""
    if is_integral(input.dtype):
        raise RuntimeError(
            "addcdiv: integer division is not supported; convert the tensors to a floating-point dtype"
        )
    ratio = tensor1 / tensor2
    return input + (ratio if value == 1 else ratio * value)


@addcdiv.public
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return addcdiv.call(input, tensor1, tensor2, value)


addcdiv.vjp(
    input=lambda xp, g: g,
    tensor1=lambda xp, g, tensor2, value: g * (value / tensor2),
    tensor2=lambda xp, g, tensor1, tensor2, value: -g * (value * tensor1 / (tensor2 * tensor2)),
)


def _three(make: Any) -> Any:
    yield call(make(2, 3), make(2, 3), make(2, 3, low=0.5))
    yield call(make(2, 3), make(3), make(2, 1, low=0.5), value=0.5)
    yield call(make(), make(2), make(low=0.5), value=-2)


addcmul.sample(_three)
addcdiv.sample(_three)


@op(promote="common", scalars=True)
def lerp(xp: Namespace, input: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """`input + weight * (end - input)`; `weight` is a number or a tensor."""
    way = end - input
    near, far = input + way * weight, end - way * (1 - weight)
    if isinstance(weight, (int, float, complex)):
        return near if math.hypot(weight.real, weight.imag) < 0.5 else far
    return xp.where(xp.lt(xp.abs(weight), 0.5), near, far)


lerp.vjp(
    input=lambda xp, g, weight: g * (1 - weight),
    end=lambda xp, g, weight: g * weight,
    weight=lambda xp, g, input, end: g * (end - input),
)


@lerp.sample
def lerp(make: Any) -> Any:
    yield call(make(2, 3), make(2, 3), 0.25)
    yield call(make(2, 3), make(3), 0.75)
    yield call(make(2, 3), make(2, 3), make(2, 3, low=0.1, high=0.4))
    yield call(make(), make(2), make(2, low=0.6, high=0.9))


# ---- rounding


def _define(name: str, doc: str, body: Any, **flags: Any) -> Op:
    """An op of one input named `input`, from its body."""
    body.__name__, body.__doc__, body.__module__ = name, doc, __name__
    body.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    return op(body, **flags)


def _leaf(name: str, doc: str, **flags: Any) -> Op:
    def function(xp: Namespace, input: Tensor) -> Tensor: ...

    return _define(name, doc, function, leaf=True, shape=broadcast, **flags)


floor = _leaf("floor", "Rounded down; integers as they are.", inplace=True)
rint = _leaf("rint", "Rounded to the nearest integer, halves to the even one.", method=False)
ceil = _define(
    "ceil", "Rounded up; integers as they are.", lambda xp, input: -xp.floor(-input), inplace=True
)
trunc = _define(
    "trunc",
    "Rounded towards 0; integers as they are.",
    lambda xp, input: xp.where(xp.lt(input, 0), xp.ceil(input), xp.floor(input)),
    inplace=True,
)
trunc.alias_as("fix")
frac = _define(
    "frac", "`input - trunc(input)`.", lambda xp, input: input - xp.trunc(input), inplace=True
)
frac.vjp(input=lambda xp, g: g)
sample_unary(frac, 1.2, 1.8, integer=False)


@op(inplace=True)
def round(xp: Namespace, input: Tensor, decimals: int = 0) -> Tensor:
    """Rounded to `decimals` digits after the point (before it, where negative), halves to even."""
    if not decimals:
        return xp.rint(input)
    scale = 10.0 ** math.fabs(decimals)
    if decimals > 0:
        return xp.rint(input * scale) / scale
    return xp.rint(input / scale) * scale


@round.public
def round(input: Any, *, decimals: int = 0) -> Any:
    if decimals and is_integral(input.dtype):
        raise RuntimeError(
            f"round: decimals={decimals} is for floating-point tensors, got {input.dtype}"
        )
    return round.call(input, decimals)


for _op in (floor, rint, ceil, trunc, round):
    _op.vjp(input=zero_gradient)
for _op in (floor, ceil, trunc):
    sample_unary(_op, 1.2, 1.4)


@rint.sample
def _(make: Any) -> Any:
    yield call(make.of([0.5, 1.5, 2.5, -0.5, -1.5, 7.3, -7.8]))
    yield call(make(2, dtype="int64"))


@round.sample
def round(make: Any) -> Any:
    yield call(make.of([0.5, 1.5, -0.5, 2.3, -7.8]))
    yield call(make(2, 0))
    yield call(make.of(2.718), decimals=2)
    yield call(make.of([123.4, 987.6]), decimals=-1)


# ---- powers, exponentials, logarithms


@leaf(promote="common", shape=broadcast)
def pow(xp: Namespace, input: Tensor, exponent: Tensor) -> Tensor:
    """`input` to the power of `exponent`. Raises RuntimeError for an integer to a negative power."""


def _power_rule(xp: Namespace, g: Any, input: Any, exponent: Any) -> Any:
    if isinstance(exponent, (int, float, complex)):
        if exponent == 0:
            return xp.full(g.shape, 0, g.dtype)
        return (
            xp.mul(g, xp.mul(input, exponent))
            if exponent == 2
            else xp.mul(g, xp.mul(xp.pow(input, exponent - 1), exponent))
        )
    return xp.where(exponent == 0, 0.0, g * (exponent * xp.pow(input, exponent - 1)))


def _exponent_rule(xp: Namespace, g: Any, input: Any, exponent: Any, out: Any) -> Any:
    if isinstance(input, (int, float, complex)):
        input = xp.full((), input, out.dtype)
    at_zero = input == 0
    if not is_complex(exponent.dtype):
        at_zero = xp.logical_and(at_zero, xp.ge(exponent, 0))
    return xp.where(at_zero, 0.0, g * (out * xp.log(input)))


pow.vjp(input=_power_rule, exponent=_exponent_rule)


@pow.sample
def pow(make: Any) -> Any:
    yield call(make(3, 2, low=0.5), make(3, 2))
    yield call(make(3, 1, low=0.5), make(2))
    yield call(make(2, 3), 2)
    yield call(make(2, 3), 3.0)
    yield call(make(2, 3, low=0.5), -0.5)
    yield call(2.0, make(2, 3))
    yield call(make.of([1, 2, -3], "int64"), 3)
    yield call(make(2, dtype="complex128"), make(2, dtype="complex128"))
    yield call(make(0, 2), 2)


@op(promote="common", method=True, inplace=False)
def float_power(xp: Namespace, input: Tensor, exponent: Tensor) -> Tensor:
    """`input` to the power of `exponent`, in float64 or complex128."""
    from facula.dtypes import complex128, float64

    wide = (complex128 if is_complex(input.dtype) else float64).dtype
    return xp.pow(xp.cast(input, wide), xp.cast(exponent, wide))


@float_power.public
def float_power(input: Any, exponent: Any) -> Any:
    if exponent.__class__ in (int, float) and hasattr(input, "_array"):
        # It stays a number, as `pow` wants it: -1 is none of uint8, and to 0.5 it takes the root.
        from facula.dtypes import complex128, float64

        wide = complex128 if is_complex(input._array.dtype) else float64
        return pow.call(input.to(wide), float(exponent))
    return float_power.call(input, exponent)


@float_power.sample
def float_power(make: Any) -> Any:
    yield call(make(3, 2, low=0.5), make(2))
    yield call(make.of([1, 2], "int64"), 2)
    yield call(2, make.of([1, 2], "int64"))


@op(promote="number")
def square(xp: Namespace, input: Tensor) -> Tensor:
    """`input * input`."""
    return input * input


square.vjp(input=lambda xp, g, input: g * (2 * input))
sample_unary(square, complex=True)

exp = _leaf("exp", "e to the power of `input`.", promote="float")
exp.vjp(input=lambda xp, g, out: xp.mul(g, out))
expm1 = _leaf("expm1", "`exp(input) - 1`, accurate near 0.", promote="float")
expm1.vjp(input=lambda xp, g, out: g * (out + 1))
log = _leaf("log", "Natural logarithm.", promote="float")
log.vjp(input=lambda xp, g, input: xp.div(g, input))
log1p = _leaf("log1p", "`log(1 + input)`, accurate near 0.", promote="float")
log1p.vjp(input=lambda xp, g, input: g / (input + 1))
sqrt = _leaf("sqrt", "Square root; NaN for negative numbers.", promote="float")
sqrt.vjp(input=lambda xp, g, out: xp.div(g, xp.add(out, out)))
tanh = _leaf("tanh", "Hyperbolic tangent.", promote="float")
tanh.vjp(input=lambda xp, g, out: xp.tanh_gradient(g, out))
sin = _leaf("sin", "Sine of radians.", promote="float")
sin.vjp(input=lambda xp, g, input: xp.mul(g, xp.cos(input)))
cos = _leaf("cos", "Cosine of radians.", promote="float")
cos.vjp(input=lambda xp, g, input: xp.mul(xp.neg(g), xp.sin(input)))
for _op in (exp, expm1, tanh, sin, cos):
    sample_unary(_op, complex=True)
for _op in (log, log1p, sqrt):
    sample_unary(_op, 0.4, 2.0, complex=True)


@op(method=False)
def tanh_gradient(xp: Namespace, g: Tensor, out: Tensor) -> Tensor:
    """`g` through tanh, from its output."""
    return g * (1 - out * out)


LN2, LN10 = math.log(2), math.log(10)
PI = math.pi


def _float(
    name: str,
    doc: str,
    body: Any,
    rule: Any,
    low: float = -2,
    high: float = 2,
    complex: bool = True,
) -> Op:
    """A function of floating-point numbers, by its body and gradient."""
    o = _define(name, doc, body, promote="float").vjp(input=rule)
    sample_unary(o, low, high, complex=complex, integer=high >= 1)
    return o


exp2 = _float(
    "exp2", "2 to the power of `input`.",
    lambda xp, input: xp.exp(input * LN2), lambda xp, g, out: g * (out * LN2),
)  # fmt: skip
log2 = _float(
    "log2", "Logarithm to base 2.",
    lambda xp, input: xp.log(input) / LN2, lambda xp, g, input: g / (input * LN2), 0.4,
)  # fmt: skip
log10 = _float(
    "log10", "Logarithm to base 10.",
    lambda xp, input: xp.log(input) / LN10, lambda xp, g, input: g / (input * LN10), 0.4,
)  # fmt: skip
reciprocal = _float(
    "reciprocal", "`1 / input`.",
    lambda xp, input: 1 / input, lambda xp, g, out: -g * (out * out), 0.4,
)  # fmt: skip
rsqrt = _float(
    "rsqrt", "`1 / sqrt(input)`.",
    lambda xp, input: 1 / xp.sqrt(input), lambda xp, g, out: -0.5 * g * (out * out * out), 0.4,
)  # fmt: skip

# ---- trigonometric and hyperbolic functions


@leaf(promote="float", shape=broadcast)
def atan2(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Angle of the point (x=`other`, y=`input`), in radians from -pi to pi."""


atan2.alias_as("arctan2")


def _over_square(xp: Namespace, part: Any, input: Any, other: Any) -> Any:
    """`part` over the squared distance of a point from the origin; at the origin 0, as in PyTorch."""
    square = input * input + other * other
    return xp.where(square == 0, 0.0, part / square)


atan2.vjp(
    input=lambda xp, g, input, other: g * _over_square(xp, other, input, other),
    other=lambda xp, g, input, other: -g * _over_square(xp, input, input, other),
)
sample_binary(atan2, 0.5, 2.0)

tan = _float(
    "tan", "Tangent of radians.",
    lambda xp, input: xp.sin(input) / xp.cos(input), lambda xp, g, out: g * (1 + out * out), -1, 1.2,
)  # fmt: skip


def _asin(xp: Namespace, input: Any) -> Any:
    if is_complex(input.dtype):
        return -1j * xp.log(1j * input + xp.sqrt(1 - input * input))
    return xp.atan2(input, xp.sqrt((1 - input) * (1 + input)))


def _acos(xp: Namespace, input: Any) -> Any:
    if is_complex(input.dtype):
        return PI / 2 - _asin(xp, input)
    return xp.atan2(xp.sqrt((1 - input) * (1 + input)), input)


def _atan(xp: Namespace, input: Any) -> Any:
    if is_complex(input.dtype):
        return 0.5j * (xp.log(1 - 1j * input) - xp.log(1 + 1j * input))
    return xp.atan2(input, 1.0)


asin = _float(
    "asin", "Arc sine, in radians.", _asin,
    lambda xp, g, input: g / xp.sqrt(1 - input * input), -0.9, 0.9,
)  # fmt: skip
acos = _float(
    "acos", "Arc cosine, in radians.", _acos,
    lambda xp, g, input: -g / xp.sqrt(1 - input * input), -0.9, 0.9,
)  # fmt: skip
atan = _float(
    "atan", "Arc tangent, in radians.", _atan,
    lambda xp, g, input: g / (1 + input * input), -0.9, 1.5,
)  # fmt: skip


def _sinh(xp: Namespace, input: Any) -> Any:
    if is_complex(input.dtype):
        return (xp.exp(input) - xp.exp(-input)) / 2
    e = xp.expm1(input)
    small = (e + e / (e + 1)) / 2
    half = xp.exp(xp.abs(input) / 2)  # exp(x) overflows before sinh(x) does
    return xp.where(
        xp.lt(xp.abs(input), 1.0), small, xp.sign(input) * (half / 2 * half - 0.5 / half / half)
    )


def _cosh(xp: Namespace, input: Any) -> Any:
    if is_complex(input.dtype):
        return (xp.exp(input) + xp.exp(-input)) / 2
    half = xp.exp(xp.abs(input) / 2)
    return half / 2 * half + 0.5 / half / half


def _asinh(xp: Namespace, input: Any) -> Any:
    """Hull, Fairgrieve, Tang: log1p near 0, the logarithm of 2x where x * x would overflow."""
    if is_complex(input.dtype):
        return xp.log(input + xp.sqrt(input * input + 1))
    size = xp.abs(input)
    near = xp.where(xp.gt(size, 1e8), 1.0, size)
    inner = xp.log1p(near + near * near / (1 + xp.sqrt(near * near + 1)))
    return xp.sign(input) * xp.where(xp.gt(size, 1e8), xp.log(size) + LN2, inner)


sinh = _float("sinh", "Hyperbolic sine.", _sinh, lambda xp, g, input: g * xp.cosh(input))
cosh = _float("cosh", "Hyperbolic cosine.", _cosh, lambda xp, g, input: g * xp.sinh(input))
asinh = _float(
    "asinh",
    "Inverse hyperbolic sine.",
    _asinh,
    lambda xp, g, input: g / xp.sqrt(input * input + 1),
    0.2,
    1.5,
)


def _acosh_rule(xp: Namespace, g: Any, input: Any) -> Any:
    if is_complex(input.dtype):  # the root of the product is of another branch
        return g / (xp.sqrt(input - 1) * xp.sqrt(input + 1))
    return g / xp.sqrt(input * input - 1)


acosh = _float(
    "acosh", "Inverse hyperbolic cosine; NaN below 1.",
    lambda xp, input: xp.log(input + xp.sqrt(input - 1) * xp.sqrt(input + 1)),
    _acosh_rule, 1.2, 3.0,
)  # fmt: skip
atanh = _float(
    "atanh", "Inverse hyperbolic tangent.",
    lambda xp, input: 0.5 * xp.log1p(2 * input / (1 - input)), lambda xp, g, input: g / (1 - input * input), -0.9, 0.9,
)  # fmt: skip
for _op, _name in (
    (asin, "arcsin"),
    (acos, "arccos"),
    (atan, "arctan"),
    (asinh, "arcsinh"),
    (acosh, "arccosh"),
    (atanh, "arctanh"),
):
    _op.alias_as(_name)

deg2rad = _float(
    "deg2rad", "Degrees to radians.",
    lambda xp, input: input * (math.pi / 180), lambda xp, g: g * (math.pi / 180), complex=False,
)  # fmt: skip
rad2deg = _float(
    "rad2deg", "Radians to degrees.",
    lambda xp, input: input * (180 / math.pi), lambda xp, g: g * (180 / math.pi), complex=False,
)  # fmt: skip


def _sinc(xp: Namespace, input: Any) -> Any:
    at = math.pi * xp.where(input == 0, 1.0, input)
    return xp.where(input == 0, 1.0, xp.sin(at) / at)


def _sinc_rule(xp: Namespace, g: Any, input: Any) -> Any:
    safe = xp.where(input == 0, 1.0, input)
    at = math.pi * safe
    slope = (xp.cos(at) - xp.sin(at) / at) / safe  # a square of `at` would vanish before it does
    return g * xp.where(input == 0, 0.0, slope)


sinc = _float("sinc", "`sin(pi x) / (pi x)`, and 1 at 0.", _sinc, _sinc_rule, 0.3, 2.0)

# ---- of two numbers


@op(promote="float")
def hypot(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`sqrt(input ** 2 + other ** 2)`, without overflow on the way."""
    a, b = xp.abs(input), xp.abs(other)
    large, small = xp.maximum(a, b), xp.minimum(a, b)
    ratio = small / xp.where(xp.logical_or(large == 0, xp.isinf(large)), 1.0, large)
    return xp.where(xp.isinf(large), large, large * xp.sqrt(1 + ratio * ratio))


hypot.vjp(
    input=lambda xp, g, input, out: g * (input / out),
    other=lambda xp, g, other, out: g * (other / out),
)
sample_binary(hypot, 0.5, 2.0)


@op(promote="float")
def copysign(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The magnitude of `input` with the sign of `other` (of -0.0 too)."""
    size = xp.abs(input)
    return xp.where(xp.signbit(other), -size, size)


def _copysign_rule(xp: Namespace, g: Any, input: Any, out: Any) -> Any:
    return xp.where(input == 0, 0.0, g * (out / xp.where(input == 0, 1.0, input)))


copysign.vjp(input=_copysign_rule, other=zero_gradient)
sample_binary(copysign, 0.5, 2.0)


@op(promote="float")
def logaddexp(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`log(exp(input) + exp(other))`, without overflow."""
    if is_complex(input.dtype):
        swap = xp.lt(xp.real(input), xp.real(other))
        large, small = xp.where(swap, other, input), xp.where(swap, input, other)
        return large + xp.log1p(xp.exp(xp.where(large == small, 0.0, small - large)))
    large = xp.maximum(input, other)
    gap = xp.where(input == other, 0.0, -xp.abs(input - other))
    return large + xp.log1p(xp.exp(gap))


logaddexp.vjp(
    input=lambda xp, g, input, other: g / (1 + xp.exp(other - input)),
    other=lambda xp, g, input, other: g / (1 + xp.exp(input - other)),
)
sample_binary(logaddexp, integer=False)


@op(promote="float")
def logaddexp2(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`log2(2 ** input + 2 ** other)`, without overflow."""
    large = xp.maximum(input, other)
    gap = xp.where(input == other, 0.0, -xp.abs(input - other))
    return large + xp.log1p(xp.exp2(gap)) / LN2


logaddexp2.vjp(
    input=lambda xp, g, input, other: g / (1 + xp.exp2(other - input)),
    other=lambda xp, g, input, other: g / (1 + xp.exp2(input - other)),
)
sample_binary(logaddexp2, integer=False)


@op(promote="common")
def heaviside(xp: Namespace, input: Tensor, values: Tensor) -> Tensor:
    """0 where `input` is negative, 1 where positive, `values` where it is 0."""
    step = xp.cast(xp.gt(input, 0), input.dtype)
    return xp.where(input == 0, values, step)  # 0 for NaN, as in PyTorch


@heaviside.public
def heaviside(input: Any, values: Any) -> Any:
    if input.dtype is not values.dtype:
        raise RuntimeError(
            f"heaviside: input is {input.dtype}, values is {values.dtype}; both must have one dtype"
        )
    return heaviside.call(input, values)


@heaviside.sample
def heaviside(make: Any) -> Any:
    yield call(make.of([-1.5, 0.0, 2.0]), make.of([0.5, 0.5, 0.5]))
    yield call(make.of([-1.5, 0.0, 2.0]), make.of(0.25))


@host_op(promote="float", shape=broadcast, arithmetic=False)  # of halves the next half
def nextafter(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The next representable number after `input` towards `other`."""


@op(promote="float")
def ldexp(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input * 2 ** other`."""
    return input * xp.exp2(other)


sample_binary(ldexp, integer=False)


@host_op(promote="common", shape=broadcast)
def gcd(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Greatest common divisor of integers; gcd(0, 0) is 0."""


@host_op(promote="common", shape=broadcast)
def lcm(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Least common multiple of integers."""


for _op in (gcd, lcm):
    _op.sample(lambda make: [call(make.of([12, 18, 0], "int64"), make.of([8, 27, 5], "int64"))])
nextafter.sample(lambda make: [call(make.of([1.0, 0.0]), make.of([2.0, -1.0]))])


@host_op(
    shape=lambda input: (input.shape, input.shape),
    dtype=lambda input: (input.dtype, "int32"),
    outputs=("mantissa", "exponent"),
)
def frexp(xp: Namespace, input: Tensor) -> Tensor:
    """(mantissa, exponent) with `input == mantissa * 2 ** exponent` and 0.5 <= |mantissa| < 1."""


frexp.vjp(
    input=lambda xp, g, exponent: (
        None if g[0] is None else g[0] * xp.exp2(-xp.cast(exponent, g[0].dtype))
    )
)
frexp.sample(lambda make: [call(make.of([1.5, -6.5, 0.3], grad=True))])


# ---- replacing values


@op(inplace=True, arithmetic=False)  # halves have limits of their own
def nan_to_num(
    xp: Namespace,
    input: Tensor,
    nan: float | None = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """NaN and the infinities replaced; by default by 0 and the dtype's largest and smallest number."""
    from facula.dtypes import finfo

    if is_integral(input.dtype):
        return xp.clone(input)
    if is_complex(input.dtype):
        parts = (xp.real(input), xp.imag(input))
        return xp.complex(*[xp.nan_to_num(part, nan, posinf, neginf) for part in parts])
    limits = finfo(input.dtype)
    out = xp.where(xp.ne(input, input), nan or 0.0, input)
    out = xp.where(out == math.inf, limits.max if posinf is None else posinf, out)
    return xp.where(out == -math.inf, limits.min if neginf is None else neginf, out)


@nan_to_num.sample
def nan_to_num(make: Any) -> Any:
    yield call(make.of([1.5, math.nan, math.inf, -math.inf]))
    yield call(
        make.of([1.5, math.nan, math.inf, -math.inf], "float32"), nan=3.0, posinf=1.0, neginf=-1.0
    )
    yield call(make(2, 2))
    yield call(make.of([1, 2], "int64"))


@op(promote="float")
def logit(xp: Namespace, input: Tensor, eps: float | None = None) -> Tensor:
    """`log(input / (1 - input))`; with `eps`, `input` is first clamped to [eps, 1 - eps]."""
    if eps is not None:
        input = xp.clamp(input, eps, 1 - eps)
    return xp.log(input / (1 - input))


def _logit_rule(xp: Namespace, g: Any, input: Any, eps: float | None) -> Any:
    slope = g / (input * (1 - input))
    low = 0.0 if eps is None else eps
    outside = xp.logical_or(xp.lt(input, low), xp.gt(input, 1 - low))
    return xp.where(outside, math.nan if eps is None else 0.0, slope)


logit.vjp(input=_logit_rule)


@logit.sample
def logit(make: Any) -> Any:
    yield call(make(2, 3, low=0.2, high=0.8))
    yield call(make.of([0.01, 0.4, 0.99], grad=True), 0.1)


# ---- which operands may be numbers

for _op in (atan2, hypot, logaddexp, logaddexp2, ldexp, nextafter, gcd, lcm, heaviside):
    _op.numbers = "none"
for _op in (fmod, copysign, rsub, remainder, pow, float_power):
    _op.numbers = "second" if _op in (fmod, copysign, rsub) else "one"
