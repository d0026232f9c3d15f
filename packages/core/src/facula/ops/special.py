"""Special functions: error function, gamma function and their kin, Bessel functions."""

from __future__ import annotations

import math
from typing import Any

from facula.ops._op import Namespace, Op, Tensor, host_op, leaf, op
from facula.ops.elementwise import sample_binary, sample_unary
from facula.ops.rules import broadcast
from facula.testing.samples import call


def _function(name: str, doc: str, low: float = -2.0, high: float = 2.0, kind: Any = host_op) -> Op:
    """A function of one number that the backend computes, or (of kind `host_op`) the host for it."""

    def function(xp: Namespace, input: Tensor) -> Tensor: ...

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    o: Op = kind(promote="float", shape=broadcast)(function)
    sample_unary(o, low, high, integer=high >= 1 and low > -1)
    return o


# ---- the error function and the normal distribution

erf = _function(
    "erf",
    "Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `input`.",
    kind=leaf,
)
erfc = _function("erfc", "`1 - erf(input)`, accurate where that is small.", kind=leaf)
special_erfcx = _function("special_erfcx", "`exp(input ** 2) * erfc(input)`, without underflow.")
erfinv = _function(
    "erfinv", "The number whose error function is `input`; infinite at -1 and 1.", -0.9, 0.9
)
special_ndtri = _function(
    "special_ndtri", "Quantile of the standard normal distribution.", 0.1, 0.9
)

_SLOPE = 2 / math.sqrt(math.pi)
erf.vjp(input=lambda xp, g, input: g * (_SLOPE * xp.exp(-(input * input))))
erfc.vjp(input=lambda xp, g, input: -g * (_SLOPE * xp.exp(-(input * input))))
special_erfcx.vjp(input=lambda xp, g, input, out: g * (2 * input * out - _SLOPE))
erfinv.vjp(input=lambda xp, g, out: g * (xp.exp(out * out) / _SLOPE))
special_ndtri.vjp(input=lambda xp, g, out: g * (math.sqrt(2 * math.pi) * xp.exp(out * out / 2)))
erf.alias_as("special_erf")
erfc.alias_as("special_erfc")
erfinv.alias_as("special_erfinv")


@op(promote="float")
def special_ndtr(xp: Namespace, input: Tensor) -> Tensor:
    """Area under the standard normal density to the left of `input`."""
    return xp.erfc(input * -math.sqrt(0.5)) * 0.5


@op(promote="float")
def special_log_ndtr(xp: Namespace, input: Tensor) -> Tensor:
    """Logarithm of `ndtr`, accurate far to the left as well."""
    at = input * math.sqrt(0.5)
    left = xp.lt(input, -1.0)
    low = xp.log(xp.special_erfcx(xp.where(left, -at, 1.0)) / 2) - at * at
    high = xp.log1p(xp.erfc(xp.where(left, 1.0, at)) * -0.5)
    return xp.where(left, low, high)


def _log_ndtr_rule(xp: Namespace, g: Any, input: Any) -> Any:
    # density / area: exp(-x^2 / 2) cancels against that of erfcx, so nothing underflows
    return g * (math.sqrt(2 / math.pi) / xp.special_erfcx(input * -math.sqrt(0.5)))


special_log_ndtr.vjp(input=_log_ndtr_rule)
sample_unary(special_ndtr)
sample_unary(special_log_ndtr)

# ---- the gamma function

lgamma = _function("lgamma", "Logarithm of the magnitude of the gamma function.", 0.4, 4.0, leaf)
digamma = _function("digamma", "Derivative of the logarithm of the gamma function.", 0.4, 4.0)
lgamma.vjp(input=lambda xp, g, input: g * xp.digamma(input))
digamma.vjp(input=lambda xp, g, input: g * xp.polygamma(1, input))
lgamma.alias_as("special_gammaln")
digamma.alias_as("special_digamma", "special_psi")


@host_op(promote="float", shape=broadcast)
def special_zeta(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Hurwitz zeta function: the sum of `(k + other) ** -input` over k = 0, 1, 2, ..."""


def _zeta_rule(xp: Namespace, g: Any, input: Any, other: Any) -> Any:
    return -g * (input * xp.special_zeta(input + 1, other))


special_zeta.vjp(other=_zeta_rule)
special_zeta.sample(
    lambda make: [
        call(make.of([2.0, 3.5]), make(2, low=0.5, high=3)),
        call(2.0, make(3, low=0.5, high=3)),
    ]
)


@op(promote="float", inplace=False)
def polygamma(xp: Namespace, n: Any, input: Tensor) -> Tensor:
    """Derivative of order `n` of `digamma`. Raises RuntimeError for a negative `n`."""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}")
    if n == 0:
        return xp.digamma(input)
    sign = 1.0 if n % 2 else -1.0
    return xp.special_zeta(float(n + 1), input) * (sign * math.factorial(n))


@polygamma.public
def polygamma(n: Any, input: Any) -> Any:
    if isinstance(input, int):  # as a method: x.polygamma(n)
        n, input = input, n
    return polygamma.call(n, input)


polygamma.alias_as("special_polygamma")
polygamma.vjp(input=lambda xp, g, n, input: g * xp.polygamma(n + 1, input))
polygamma.sample(lambda make: [call(n, make(3, low=0.5, high=3)) for n in range(4)])


@op(promote="float")
def mvlgamma(xp: Namespace, input: Tensor, p: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`."""
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    out = xp.lgamma(input)
    for i in range(1, p):
        out = out + xp.lgamma(input - i / 2)
    return out + p * (p - 1) / 4 * math.log(math.pi)


mvlgamma.alias_as("special_multigammaln")
mvlgamma.sample(lambda make: [call(make(3, low=2, high=5), 3), call(make(3, low=1, high=5), 1)])

# ---- logarithms of what may be 0


@op(promote="float", scalars=False)
def xlogy(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input * log(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""
    return xp.where(xp.isnan(other), other, xp.where(input == 0, 0.0, input * xp.log(other)))


@op(promote="float")
def special_xlog1py(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input * log1p(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""
    return xp.where(xp.isnan(other), other, xp.where(input == 0, 0.0, input * xp.log1p(other)))


def _silent(xp: Namespace, input: Any, other: Any, least: float, value: Any) -> Any:
    return xp.where(xp.bitwise_and(input == 0, xp.le(other, least)), 0.0, value)


xlogy.alias_as("special_xlogy")
xlogy.vjp(
    input=lambda xp, g, input, other: g * _silent(xp, input, other, 0.0, xp.log(other)),
    other=lambda xp, g, input, other: g * (input / other),
)
special_xlog1py.vjp(
    input=lambda xp, g, input, other: g * _silent(xp, input, other, -1.0, xp.log1p(other)),
    other=lambda xp, g, input, other: g * (input / (other + 1)),
)
sample_binary(xlogy, 0.5, 2.0)
sample_binary(special_xlog1py, 0.5, 2.0)


@op(promote="float")
def special_entr(xp: Namespace, input: Tensor) -> Tensor:
    """`-input * log(input)`: 0 at 0, -inf for negative numbers."""
    inside = -input * xp.log(xp.where(xp.gt(input, 0), input, 1.0))
    out = xp.where(xp.gt(input, 0), inside, xp.where(input == 0, 0.0, -math.inf))
    return xp.where(xp.isnan(input), input, out)


special_entr.vjp(input=lambda xp, g, input: g * (-xp.log(input) - 1))
sample_unary(special_entr, 0.3, 2.0)

# ---- modified Bessel functions, and what is scaled by exp(-|x|)

special_i0e = _function(
    "special_i0e", "`exp(-|input|)` times the modified Bessel function of order 0.", 0.3, 3.0
)
special_i1e = _function(
    "special_i1e", "`exp(-|input|)` times the modified Bessel function of order 1.", 0.3, 3.0
)


@op(promote="float")
def i0(xp: Namespace, input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind, of order 0."""
    return xp.special_i0e(input) * xp.exp(xp.abs(input))


@op(promote="float")
def special_i1(xp: Namespace, input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind, of order 1."""
    return xp.special_i1e(input) * xp.exp(xp.abs(input))


def _i1_rule(xp: Namespace, g: Any, input: Any, out: Any) -> Any:
    ratio = xp.where(input == 0, 0.5, out / xp.where(input == 0, 1.0, input))
    return g * (xp.i0(input) - ratio)


def _i1e_rule(xp: Namespace, g: Any, input: Any, out: Any) -> Any:
    ratio = xp.where(input == 0, 0.5, out / xp.where(input == 0, 1.0, input))
    return g * (xp.special_i0e(input) - ratio - xp.sign(input) * out)


i0.alias_as("special_i0")
i0.vjp(input=lambda xp, g, input: g * xp.special_i1(input))
special_i1.vjp(input=_i1_rule)
special_i0e.vjp(input=lambda xp, g, input, out: g * (xp.special_i1e(input) - xp.sign(input) * out))
special_i1e.vjp(input=_i1e_rule)
sample_unary(i0, 0.3, 3.0)
sample_unary(special_i1, 0.3, 3.0)

i0.alias_as("special_modified_bessel_i0")
special_i1.alias_as("special_modified_bessel_i1")

special_bessel_j0 = _function("special_bessel_j0", "Bessel function of the first kind, of order 0.")
special_bessel_j1 = _function("special_bessel_j1", "Bessel function of the first kind, of order 1.")
special_scaled_modified_bessel_k0 = _function(
    "special_scaled_modified_bessel_k0",
    "`exp(input)` times the modified Bessel function K_0.",
    0.3,
    3.0,
)
special_scaled_modified_bessel_k1 = _function(
    "special_scaled_modified_bessel_k1",
    "`exp(input)` times the modified Bessel function K_1.",
    0.3,
    3.0,
)


@op(promote="float")
def special_modified_bessel_k0(xp: Namespace, input: Tensor) -> Tensor:
    """Modified Bessel function of the second kind, of order 0; infinite at 0, NaN below."""
    return xp.special_scaled_modified_bessel_k0(input) * xp.exp(-input)


@op(promote="float")
def special_modified_bessel_k1(xp: Namespace, input: Tensor) -> Tensor:
    """Modified Bessel function of the second kind, of order 1; infinite at 0, NaN below."""
    return xp.special_scaled_modified_bessel_k1(input) * xp.exp(-input)


@op(promote="float")
def special_spherical_bessel_j0(xp: Namespace, input: Tensor) -> Tensor:
    """`sin(input) / input`, and 1 at 0."""
    return xp.where(xp.isinf(input), 0.0, xp.sinc(input / math.pi))


special_scaled_modified_bessel_k0.vjp(
    input=lambda xp, g, input, out: g * (out - xp.special_scaled_modified_bessel_k1(input))
)
special_scaled_modified_bessel_k1.vjp(
    input=lambda xp, g, input, out: (
        g * (out - xp.special_scaled_modified_bessel_k0(input) - out / input)
    )
)
sample_unary(special_modified_bessel_k0, 0.3, 3.0)
sample_unary(special_modified_bessel_k1, 0.3, 3.0)
sample_unary(special_spherical_bessel_j0, 0.3, 3.0)
special_bessel_j0.vjp(input=lambda xp, g, input: -g * xp.special_bessel_j1(input))
special_bessel_j1.vjp(
    input=lambda xp, g, input, out: (
        g
        * (
            xp.special_bessel_j0(input)
            - xp.where(input == 0, 0.5, out / xp.where(input == 0, 1.0, input))
        )
    )
)

# ---- orthogonal polynomials, by their three-term recurrences (Abramowitz, Stegun, 22.7)


def _polynomial(name: str, first: Any, step: Any) -> None:
    """P_0 = 1, P_1 = first(x), P_(k+1) = step(k, x, P_k, P_(k-1)); the order may differ by element."""

    def body(xp: Namespace, input: Tensor, n: Tensor) -> Tensor:
        orders = xp.to_numpy(n) if hasattr(xp, "to_numpy") else n.detach().cpu().numpy()
        top = int(orders.max()) if orders.size else 0
        n = xp.trunc(n)
        x = input + xp.full(n.shape, 0, input.dtype)
        before, now = xp.full(x.shape, 1, x.dtype), first(x)
        out = xp.where(xp.lt(n, 1), before, now)
        out = xp.where(xp.lt(n, 0), 0.0, out)
        for k in range(1, top):
            before, now = now, step(k, x, now, before)
            out = xp.where(xp.ge(n, k + 1), now, out)
        return out

    body.__name__ = f"special_{name}"
    body.__doc__ = f"The {name.replace('_', ' ')} of order `n` at `input`, by its recurrence."
    dynamic = "the highest order decides the number of steps; use a fixed order"
    o: Op = op(promote="float", dynamic=dynamic)(body)
    o.numbers = "one"
    o.sample(lambda make: [call(make(3), 3), call(make(3, grad=False), make.of([0, 1, 4]))])


_CHEBYSHEV = {
    "t": lambda x: x,
    "u": lambda x: 2 * x,
    "v": lambda x: 2 * x - 1,
    "w": lambda x: 2 * x + 1,
}
for _kind, _first in _CHEBYSHEV.items():
    _polynomial(
        f"chebyshev_polynomial_{_kind}", _first, lambda k, x, now, before: 2 * x * now - before
    )
    _polynomial(
        f"shifted_chebyshev_polynomial_{_kind}",
        lambda x, first=_first: first(2 * x - 1),
        lambda k, x, now, before: 2 * (2 * x - 1) * now - before,
    )
_polynomial(
    "hermite_polynomial_h", lambda x: 2 * x, lambda k, x, now, before: 2 * (x * now - k * before)
)
_polynomial("hermite_polynomial_he", lambda x: x, lambda k, x, now, before: x * now - k * before)
_polynomial(
    "laguerre_polynomial_l",
    lambda x: 1 - x,
    lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
)
_polynomial(
    "legendre_polynomial_p",
    lambda x: x,
    lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
)


for _op in (xlogy, special_xlog1py, special_zeta):
    _op.numbers = "one"
