"""Activations: elementwise ones with their derivatives, softmax and what is made of it."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import B8, F64, I64, as_dtype, category, finfo, is_integral
from facula.ops._op import Namespace, Tensor, op
from facula.ops.creation import fitting
from facula.ops.dims import wrap_dim
from facula.testing.samples import call


def _zero(xp: Namespace, like: Any) -> Any:
    return xp.full((), 0, like.dtype)


def _floating(name: str, input: Any) -> None:
    if category(input.dtype) < 2:
        raise RuntimeError(
            f"{name}: not implemented for {as_dtype(input.dtype)}; it needs a floating-point input"
        )


def _between(xp: Namespace, input: Any, low: Any, high: Any, inside: Any) -> Any:
    """`inside` where low < input < high (or NaN), else 0."""
    zero = _zero(xp, inside)
    return xp.where(input <= low, zero, xp.where(input >= high, zero, inside))


def _sampled(*options: tuple[Any, ...], low: float = -2.0, high: float = 2.0) -> Any:
    """Samples of an elementwise activation: each set of options, a 0-d and an empty tensor."""

    def samples(make: Any) -> Any:
        for values in options or ((),):
            yield call(make(2, 5, low=low, high=high), *values)
        yield call(make(low=low, high=high), *values)
        yield call(make(0, 3), *values)

    return samples


# ---- rectifiers


@op(inplace=True)
def relu(xp: Namespace, input: Tensor) -> Tensor:
    """`max(input, 0)`; NaN stays NaN. Raises RuntimeError for bool."""
    if category(input.dtype) == 0:
        raise RuntimeError("relu: boolean inputs are not supported; convert with .to(dtype)")
    return xp.maximum(input, 0)


relu.vjp(input=lambda xp, g, out: xp.rectify_gradient(g, out))
relu.sample(_sampled())


@op(method=False)
def rectify_gradient(xp: Namespace, g: Tensor, out: Tensor) -> Tensor:
    """`g` where `out` is positive (or NaN), else 0."""
    return xp.where(out <= 0, _zero(xp, g), g)


rectify_gradient.vjp(g=lambda xp, g, out: xp.rectify_gradient(g, out))


@op(method=False, inplace=True)
def hardtanh(xp: Namespace, input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`input` limited to [min_val, max_val]; of integers, to these rounded towards 0.

    Raises RuntimeError for limits that the input's integers don't hold, and for bool.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is above max_val {max_val}")
    if is_integral(input.dtype):
        min_val, max_val = _whole_limits(input.dtype, min_val, max_val)
    return xp.minimum(xp.maximum(input, min_val), max_val)


def _whole_limits(dtype: Any, *limits: float) -> list[int]:
    if dtype is B8:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    whole = [fitting(limit, I64) for limit in limits]
    if dtype.kind == "u" and min(whole) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return [fitting(limit, dtype) for limit in whole]


hardtanh.vjp_op(
    input=lambda xp, g, input, min_val, max_val: _between(xp, input, min_val, max_val, g)
)
hardtanh.sample(_sampled((), (-0.7, 1.3)))


@op(method=False, inplace=True)
def relu6(xp: Namespace, input: Tensor) -> Tensor:
    """`input` limited to [0, 6]."""
    return xp.minimum(xp.maximum(input, 0), 6)


relu6.vjp_op(input=lambda xp, g, input: _between(xp, input, 0, 6, g))
relu6.sample(_sampled(low=-3.0, high=9.0))


@op(method=False, inplace=True)
def leaky_relu(xp: Namespace, input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`input` where it is positive, else `negative_slope * input`."""
    _floating("leaky_relu", input)
    return xp.where(input > 0, input, input * negative_slope)


leaky_relu.vjp_op(
    input=lambda xp, g, input, negative_slope: xp.where(input > 0, g, g * negative_slope)
)
leaky_relu.sample(_sampled((), (0.3,)))


@op(method=False, inplace=True)
def threshold(xp: Namespace, input: Tensor, threshold: float, value: float) -> Tensor:
    """`input` where it is above `threshold`, else `value`."""
    return xp.where(input <= threshold, xp.full((), value, input.dtype), input)


threshold.vjp_op(
    input=lambda xp, g, input, threshold: xp.where(input <= threshold, _zero(xp, g), g)
)
threshold.sample(_sampled((0.123, 0.5)))


@op(method=False, inplace=True)
def elu(xp: Namespace, input: Tensor, alpha: float = 1.0) -> Tensor:
    """`input` where it is positive, else `alpha * (exp(input) - 1)`."""
    _floating("elu", input)
    return xp.where(input > 0, input, alpha * xp.expm1(input))


elu.vjp_op(input=lambda xp, g, input, out, alpha: xp.where(input <= 0, g * (out + alpha), g))
elu.sample(_sampled((), (0.7,)))

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@op(inplace=True, method=False)
def selu(xp: Namespace, input: Tensor) -> Tensor:
    """`elu` with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    _floating("selu", input)
    return xp.where(input > 0, _SELU_SCALE * input, _SELU_SCALE * _SELU_ALPHA * xp.expm1(input))


selu.vjp_op(
    input=lambda xp, g, input, out: xp.where(
        input <= 0, g * (out + _SELU_SCALE * _SELU_ALPHA), g * _SELU_SCALE
    )
)
selu.sample(_sampled())


@op(inplace=True, method=False)
def celu(xp: Namespace, input: Tensor, alpha: float = 1.0) -> Tensor:
    """`max(0, input) + min(0, alpha * (exp(input / alpha) - 1))`."""
    _floating("celu", input)
    if alpha == 0:
        raise RuntimeError("celu: alpha cannot be 0")
    return xp.where(input > 0, input, alpha * xp.expm1(input / alpha))


celu.vjp(input=lambda xp, g, input, out, alpha: xp.where(input <= 0, g * (out / alpha + 1), g))
celu.sample(_sampled((), (0.7,)))


@op(method=False)
def prelu_along(xp: Namespace, input: Tensor, weight: Tensor) -> Tensor:
    """`input` where it is positive, else `weight * input`; `weight` broadcasts."""
    return xp.where(input > 0, input, weight * input)


prelu_along.vjp(
    input=lambda xp, g, input, weight: xp.where(input > 0, g, g * weight),
    weight=lambda xp, g, input: xp.where(input > 0, _zero(xp, g), g * input),
)


@op
def prelu(xp: Namespace, input: Tensor, weight: Tensor) -> Tensor:
    """`input` where it is positive, else `weight * input`.

    `weight` has one element, or one per channel (dimension 1 of `input`).
    """
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"prelu: input is {as_dtype(input.dtype)}, weight is {as_dtype(weight.dtype)}; they must have one dtype"
        )
    if len(weight.shape) > 1:
        raise RuntimeError(
            f"prelu: expected `weight` to be a scalar or 1D tensor, but got ndim = {len(weight.shape)}"
        )
    count = weight.shape[0] if weight.shape else 1
    if not input.shape and len(weight.shape) == 1 and count != 1:
        raise RuntimeError("Not allow zero-dim input tensor.")
    channels = input.shape[1] if len(input.shape) >= 2 else 1
    if count not in (1, channels):
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} "
            f"and channel size = {channels}."
        )
    if len(input.shape) >= 2:
        weight = xp.reshape(weight, (1, count, *[1] * (len(input.shape) - 2)))
    elif not input.shape:
        weight = xp.reshape(weight, ())
    return xp.prelu_along(input, weight)


@prelu.sample
def prelu(make: Any) -> Any:
    yield call(make(2, 3, 2), make(3))
    yield call(make(4, 3), make(1))
    yield call(make(5), make(1))
    yield call(make(), make())


# ---- smooth ones


@op(promote="float")
def sigmoid(xp: Namespace, input: Tensor) -> Tensor:
    """`1 / (1 + exp(-input))`."""
    return 1 / (1 + xp.exp(-input))


@op(method=False)
def sigmoid_gradient(xp: Namespace, g: Tensor, out: Tensor) -> Tensor:
    """`g` through sigmoid, from its output."""
    return g * (out * (1 - out))


sigmoid.vjp(input=lambda xp, g, out: xp.sigmoid_gradient(g, out))
sigmoid.sample(_sampled())


@op(method=False)
def logsigmoid(xp: Namespace, input: Tensor) -> Tensor:
    """Logarithm of `sigmoid`, without overflow."""
    _floating("logsigmoid", input)
    return xp.minimum(input, 0) - xp.log1p(xp.exp(-xp.abs(input)))


logsigmoid.vjp_op(input=lambda xp, g, input: g * xp.sigmoid(-input))
logsigmoid.sample(_sampled())


@op(method=False)
def softplus(xp: Namespace, input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """`log(1 + exp(beta * input)) / beta`; `input` itself where `beta * input` is above `threshold`."""
    _floating("softplus", input)
    scaled = input * beta
    return xp.where(scaled > threshold, input, xp.log1p(xp.exp(scaled)) / beta)


softplus.vjp_op(
    input=lambda xp, g, input, beta, threshold: xp.where(
        input * beta > threshold, g, g * xp.sigmoid(input * beta)
    )
)
softplus.sample(_sampled((), (2.0,), (3.0, 1.0)))


def _gelu_cdf(xp: Namespace, input: Any) -> Any:
    return 0.5 * (1 + xp.erf(input * math.sqrt(0.5)))


def _gelu_tanh(xp: Namespace, input: Any) -> Any:
    return xp.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * (input * input * input)))


@op(method=False)
def gelu(xp: Namespace, input: Tensor, approximate: str = "none") -> Tensor:
    """`input` times the normal distribution function of it (Hendrycks & Gimpel 2016).

    `approximate="tanh"` takes their approximation of it. Raises RuntimeError for other values.
    """
    _floating("gelu", input)
    if approximate == "none":
        return input * _gelu_cdf(xp, input)
    if approximate != "tanh":
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")
    return 0.5 * input * (1 + _gelu_tanh(xp, input))


@op(method=False, whole=True)
def gelu_gradient(xp: Namespace, g: Tensor, input: Tensor, approximate: str) -> Tensor:
    """`g` times the derivative of `gelu` at `input`."""
    if approximate == "none":
        density = xp.exp(-0.5 * (input * input)) * (1 / math.sqrt(2 * math.pi))
        return g * (_gelu_cdf(xp, input) + input * density)
    t = _gelu_tanh(xp, input)
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * (input * input))
    return g * (0.5 * (1 + t) + 0.5 * input * (1 - t * t) * inner)


gelu.vjp(input=lambda xp, g, input, approximate: xp.gelu_gradient(g, input, approximate))
gelu.sample(_sampled((), ("tanh",)))


@op(method=False, inplace=True)
def silu(xp: Namespace, input: Tensor) -> Tensor:
    """`input * sigmoid(input)`, also known as swish."""
    _floating("silu", input)
    return input * xp.sigmoid(input)


@op(method=False)
def silu_gradient(xp: Namespace, g: Tensor, input: Tensor) -> Tensor:
    """`g` times the derivative of `silu` at `input`."""
    s = xp.sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


silu.vjp(input=lambda xp, g, input: xp.silu_gradient(g, input))
silu.sample(_sampled())


@op(method=False, inplace=True)
def mish(xp: Namespace, input: Tensor) -> Tensor:
    """`input * tanh(softplus(input))` (Misra 2019)."""
    _floating("mish", input)
    return input * xp.tanh(xp.softplus(input))


def _mish_rule(xp: Namespace, g: Any, input: Any) -> Any:
    t = xp.tanh(xp.softplus(input))
    return g * (t + input * (1 - t * t) * xp.sigmoid(input))


mish.vjp_op(input=_mish_rule)
mish.sample(_sampled())


@op(method=False, inplace=True)
def hardsigmoid(xp: Namespace, input: Tensor) -> Tensor:
    """`input / 6 + 1 / 2` limited to [0, 1]."""
    _floating("hardsigmoid", input)
    return xp.minimum(xp.maximum(input + 3, 0), 6) / 6


hardsigmoid.vjp_op(input=lambda xp, g, input: _between(xp, input, -3, 3, g / 6))
hardsigmoid.sample(_sampled(low=-5.0, high=5.0))


@op(method=False, inplace=True)
def hardswish(xp: Namespace, input: Tensor) -> Tensor:
    """`input * hardsigmoid(input)` (Howard et al. 2019)."""
    _floating("hardswish", input)
    return input * (xp.minimum(xp.maximum(input + 3, 0), 6) / 6)


hardswish.vjp_op(
    input=lambda xp, g, input: xp.where(
        input <= -3, _zero(xp, g), xp.where(input < 3, g * (input / 3 + 0.5), g)
    )
)
hardswish.sample(_sampled(low=-5.0, high=5.0))


@op(promote="float", method=False)
def softsign(xp: Namespace, input: Tensor) -> Tensor:
    """`input / (1 + abs(input))`."""
    return input / (1 + xp.abs(input))


def _softsign_rule(xp: Namespace, g: Any, input: Any) -> Any:
    d = 1 + xp.abs(input)
    return g / (d * d)


softsign.vjp_op(input=_softsign_rule)
softsign.sample(_sampled())


@op(promote="float", method=False)
def tanhshrink(xp: Namespace, input: Tensor) -> Tensor:
    """`input - tanh(input)`."""
    return input - xp.tanh(input)


tanhshrink.sample(_sampled())


def _outside(xp: Namespace, input: Any, lambd: float, outside: Any) -> Any:
    """`outside` where |input| > lambd (or NaN), else 0."""
    zero = _zero(xp, outside)
    return xp.where(input <= lambd, xp.where(input >= -lambd, zero, outside), outside)


@op
def hardshrink(xp: Namespace, input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input` where its magnitude is above `lambd`, else 0."""
    _floating("hardshrink", input)
    return _outside(xp, input, lambd, input)


hardshrink.vjp(input=lambda xp, g, input, lambd: _outside(xp, input, lambd, g))
hardshrink.sample(_sampled((), (1.1,)))


@op(method=False)
def softshrink(xp: Namespace, input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input` brought nearer to 0 by `lambd`, and 0 where its magnitude is not above that."""
    _floating("softshrink", input)
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return _outside(xp, input, lambd, xp.where(input > 0, input - lambd, input + lambd))


softshrink.vjp(input=lambda xp, g, input, lambd: _outside(xp, input, lambd, g))
softshrink.sample(_sampled((), (1.1,)))


@op(method=False)
def glu(xp: Namespace, input: Tensor, dim: int = -1) -> Tensor:
    """First half of `input` along `dim`, times the sigmoid of the second half."""
    _floating("glu", input)
    if not input.shape:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    at = wrap_dim(dim, len(input.shape))
    n = input.shape[at]
    if n % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {at} is size {n}")
    return xp.slice(input, at, 0, n // 2, 1) * xp.sigmoid(xp.slice(input, at, n // 2, n, 1))


@glu.sample
def glu(make: Any) -> Any:
    yield call(make(3, 4))
    yield call(make(2, 6, 2), 1)
    yield call(make(0, 4))


# ---- softmax


@op
def softmax(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Exponentials of `input`, scaled to sum to 1 along `dim`; same shape, in `dtype` where given."""
    _floating("softmax", input)
    if 0 in input.shape:
        return xp.exp(input)
    e = xp.exp(input - xp.stop(xp.amax(input, dim, True)))
    return e / xp.sum(e, dim, True)


@op(method=False)
def softmax_gradient(xp: Namespace, g: Tensor, out: Tensor, dim: int) -> Tensor:
    """`g` through softmax, from its output."""
    return out * (g - xp.sum(g * out, dim, True))


softmax.vjp(input=lambda xp, g, out, dim: xp.softmax_gradient(g, out, dim))


@op
def log_softmax(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Logarithm of `softmax`, without overflow; same shape, in `dtype` where given."""
    _floating("log_softmax", input)
    if 0 in input.shape:
        return xp.exp(input)
    shifted = input - xp.stop(xp.amax(input, dim, True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), dim, True))


@op(method=False)
def log_softmax_gradient(xp: Namespace, g: Tensor, out: Tensor, dim: int) -> Tensor:
    """`g` through log_softmax, from its output."""
    return g - xp.exp(out) * xp.sum(g, dim, True)


log_softmax.vjp(input=lambda xp, g, out, dim: xp.log_softmax_gradient(g, out, dim))


@softmax.public
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    return softmax.call(*_along(input, dim, dtype))


@log_softmax.public
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    return log_softmax.call(*_along(input, dim, dtype))


def _along(input: Any, dim: int, dtype: Any) -> tuple[Any, int]:
    if dtype is not None:
        input = input.to(dtype)
    return input, wrap_dim(dim, len(input._array.shape))


def _along_samples(make: Any) -> Any:
    yield call(make(3, 4), 1)
    yield call(make(2, 3, 2), dim=-2)
    yield call(make(5), 0)
    yield call(make(), 0)
    yield call(make(0, 3), 1)


softmax.sample(_along_samples)
log_softmax.sample(_along_samples)
softmax.alias_as("special_softmax")
log_softmax.alias_as("special_log_softmax")


@op(method=False)
def p_norm(xp: Namespace, input: Tensor, p: float, dim: Any, keepdim: bool = False) -> Tensor:
    """`sum(abs(input) ** p) ** (1 / p)` along `dim`; its gradient at 0 is 0."""
    size = xp.abs(input)
    if p == 2:
        return xp.sqrt(xp.sum(size * size, dim, keepdim))
    if p == 1:
        return xp.sum(size, dim, keepdim)
    if p == math.inf:
        return xp.amax(size, dim, keepdim)
    if p == 0:
        return xp.sum(xp.cast(size != 0, size.dtype), dim, keepdim)
    return xp.sum(size**p, dim, keepdim) ** (1 / p)


def _p_norm_rule(
    xp: Namespace, g: Any, input: Any, out: Any, p: float, dim: Any, keepdim: bool
) -> Any:
    from facula.ops.reduce import spread

    g, out = spread(xp, g, input.shape, dim, keepdim), spread(xp, out, input.shape, dim, keepdim)
    zero = _zero(xp, input)
    if p == 0:
        return xp.full(input.shape, 0, input.dtype)
    if p == 1:
        return g * xp.sgn(input)
    is_zero = out == 0
    if p == math.inf:
        largest = xp.where(xp.abs(input) == out, xp.full((), 1, g.dtype), _zero(xp, g))
        return g * xp.sgn(input) * largest / xp.sum(largest, dim, True)
    safe = xp.where(is_zero, xp.full((), 1, out.dtype), out)
    if p == 2:
        return xp.where(is_zero, zero, g * (input / safe))
    at_zero = input == 0
    size = xp.where(at_zero, xp.full((), 1, out.dtype), xp.abs(input))
    return xp.where(at_zero, zero, g * xp.sgn(input) * (size / safe) ** (p - 1))


p_norm.vjp(input=_p_norm_rule)


@op(method=False)
def normalize(
    xp: Namespace,
    input: Tensor,
    p: float = 2.0,
    dim: Any = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """`input` divided by its p-norm along `dim`, or by `eps` where that is larger."""
    return input / xp.maximum(xp.p_norm(input, p, dim, True), eps)


@normalize.public
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    return normalize.call(input, p, dim, eps)


@normalize.sample
def normalize(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, 3, 2), p=1.5, dim=-1)
    yield call(make(4), p=1, dim=0)
    yield call(make(2, 3, 2), dim=(0, 2))


# ---- random ones


@op(method=False, random=True, unspecified_values=True)
def rrelu(xp: Namespace, input: Tensor, lower: float, upper: float, key: Any) -> Tensor:
    """`input` where it is positive, else times a random slope in [lower, upper), or their mean in evaluation."""
    slope = xp.rand(key, tuple(input.shape), input.dtype) * (upper - lower) + lower
    return xp.prelu_along(input, slope)


@rrelu.public
def rrelu(
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Any:
    from facula._tensor import write_result

    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )

    def compute(x: Any) -> Any:
        if training:
            return rrelu.call(x, lower, upper, _uniform_key(x))
        return leaky_relu.call(x, (lower + upper) / 2)

    return write_result(input, "rrelu_", compute, (), {}) if inplace else compute(input)


def _uniform_key(input: Any) -> Any:
    """A key to one uniform number for each element of `input`."""
    from facula.random import next_key

    return next_key(None, math.prod(input.shape), 64 if input._array.dtype is F64 else 32)


@rrelu.sample
def rrelu(make: Any) -> Any:
    yield call(make(3, 4))
    yield call(make(3, 4), 0.1, 0.2, True)


@op(method=False, random=True, unspecified_values=True)
def gumbel_softmax(
    xp: Namespace, logits: Tensor, tau: float, hard: bool, dim: int, key: Any
) -> Tensor:
    """A sample of the relaxed categorical distribution of `logits` along `dim` (Jang et al. 2017).

    `tau` is the temperature; `hard` gives one-hot vectors whose gradient is that of the soft sample.
    """
    tiny = finfo(as_dtype(logits.dtype)).tiny
    exponential = xp.maximum(-xp.log1p(-xp.rand(key, tuple(logits.shape), logits.dtype)), tiny)
    soft = xp.softmax((logits - xp.log(exponential)) / tau, dim)
    if not hard:
        return soft
    largest = xp.cast(xp.eq(soft, xp.amax(soft, dim, True)), soft.dtype)
    return xp.stop(largest - soft) + soft


@gumbel_softmax.public
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    return gumbel_softmax.call(logits, tau, hard, dim, _uniform_key(logits))


@gumbel_softmax.sample
def gumbel_softmax(make: Any) -> Any:
    yield call(make(3, 4))
    yield call(make(3, 4), 0.5, True, dim=0)
