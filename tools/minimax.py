"""Coefficients of the polynomials in `facula/graph/codegen/functions`: the best in the largest weighted error.

    python tools/minimax.py            # all of them, with their errors; needs mpmath

Method: least squares on 500 Chebyshev points, reweighted by the errors until the largest is least (Lawson's algorithm).
Coefficients are rounded to float32 from the most significant to the least, and what is left is fitted anew after each, so
that later coefficients make up for the rounding of earlier ones. Functions are evaluated in 60 digits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 60
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Fit:
    """`f(x)` near the sum of `c[i] * x**powers[i]` on `[low, high]`; the error counts times `weight(x)`."""

    name: str
    f: Function
    low: Any
    high: Any
    powers: Sequence[int]
    weight: Function = field(default=lambda x: mp.mpf(1))


def single(x: float) -> Any:
    """The nearest float32."""
    return mp.mpf(float(np.float32(x)))


def _best(basis: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Coefficients of the least largest `weight * |basis @ c - target|`: Lawson's reweighted least squares."""
    share = np.ones(len(target))
    best, best_error = np.zeros(basis.shape[1]), np.inf
    for _ in range(150):
        scale = np.sqrt(share) * weight
        c = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)[0]
        error = np.abs(basis @ c - target) * weight
        if error.max() < best_error:
            best, best_error = c, error.max()
        share = share * (error / error.max() + 1e-3)
        share /= share.max()
    return best


def minimax(fit: Fit) -> tuple[np.ndarray, float]:
    """float32 coefficients in the order of `powers`, and the largest weighted error."""
    low, high = mp.mpf(fit.low), mp.mpf(fit.high)
    points = [(low + high - (high - low) * mp.cos(mp.pi * (i + 0.5) / 500)) / 2 for i in range(500)]
    values = [fit.f(x) for x in points]
    target, weight = np.array(values, float), np.array([fit.weight(x) for x in points], float)
    basis = np.array([[x**p for p in fit.powers] for x in points], float)
    kept = np.zeros(0)
    for i in range(len(fit.powers)):
        rest = target - basis[:, :i] @ kept
        kept = np.append(kept, np.float32(_best(basis[:, i:], rest, weight)[0]))
    return kept, float(np.abs((basis @ kept - target) * weight).max())


def _divided(series: Function, power: int, x: Any) -> Any:
    """`series(x) / x**power`, through its limit at 0."""
    x = mp.mpf(x)
    return series(x if x else mp.mpf("1e-15")) / (x if x else mp.mpf("1e-15")) ** power


LN2 = mp.log(2)
HALF_LN2 = LN2 / 2
ROOT = mp.sqrt(2)


def _odd(f: Function) -> Function:
    """`p` of `f(x) = x + x**3 p(x**2)`, as a function of `u = x**2`."""
    return lambda u: (f(mp.sqrt(u)) / mp.sqrt(u) - 1) / u


def _erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


LEAST = single(1.46163214)  # where lgamma has its minimum
TINY = mp.mpf("1e-12")
FITS = [
    # exp(x) = 1 + x + x**2 p(x)
    Fit("exp", lambda x: _divided(lambda t: mp.expm1(t) - t, 2, x), -HALF_LN2 * 1.01, HALF_LN2 * 1.01, range(6), lambda x: x * x / mp.exp(x)),
    # log(1 + f) = f - f**2 / 2 + f**3 p(f)
    Fit("log", lambda f: _divided(lambda t: mp.log1p(t) - t + t * t / 2, 3, f), ROOT / 2 - 1, ROOT - 1, range(9), lambda f: f * f),
    # tanh(x) = x + x**3 p(x**2); exp(2 x) = 1 + x p(x)
    Fit("tanh", _odd(mp.tanh), TINY, 0.361, range(5), lambda u: u),
    Fit("exp of twice", lambda x: _divided(lambda t: mp.expm1(2 * t), 1, x), -HALF_LN2 / 2 * 1.01, HALF_LN2 / 2 * 1.01, range(6), lambda x: abs(x) / mp.exp(2 * x)),
    # erf(x) = x + x p(x**2); 1 - exp(-x p(x))
    Fit("erf small", lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u) - 1, TINY, 0.85, range(7), lambda u: 1),
    Fit("erf large", lambda x: -mp.log(mp.erfc(x)) / x, 0.9, 4, range(9), lambda x: x * mp.erfc(x) / mp.erf(x)),
    # gelu(x) = x (1 - 2**(-1 + x p(x))); its slope's tail e**(-x**2 / 2) (1 / 2 + x p(x)); 2**x
    Fit("gelu", lambda x: (mp.log(mp.erfc(x / ROOT) / 2, 2) + 1) / x, TINY, 4 * ROOT, range(8), lambda x: x * max(x, 1) * mp.erfc(x / ROOT)),
    Fit("gelu slope", lambda x: (mp.erfc(x / ROOT) * mp.exp(x * x / 2) - 1) / (2 * x), TINY, 4 * ROOT, range(11), lambda x: x * mp.exp(-x * x / 2)),
    Fit("exp2", lambda x: mp.mpf(2) ** x, -0.5, 0.5, range(7), lambda x: mp.mpf(2) ** -x),
    # sin(x) = x + x**3 p(x**2); cos(x) = 1 - x**2 / 2 + x**4 p(x**2); atan(x) = x + x**3 p(x**2)
    Fit("sin", _odd(mp.sin), TINY, (mp.pi / 4) ** 2 * 1.001, range(4), lambda u: u),
    Fit("cos", lambda u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2, TINY, (mp.pi / 4) ** 2 * 1.001, range(4), lambda u: u * u),
    Fit("atan", _odd(mp.atan), TINY, (mp.sqrt(2) - 1) ** 2 * 1.01, range(5), lambda u: u),
    # log((1 + s) / (1 - s)) = 2 s + s**3 (2/3 + s**2 p(s**2))
    Fit("atanh", lambda u: (2 * (mp.atanh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u - mp.mpf(2) / 3) / u, TINY, 0.0296, range(4), lambda u: u * u),
    # erfc(x) = exp(-x**2) t p(t) for t = 1 / (x + 1)
    Fit("erfc", lambda t: _erfcx(1 / t - 1) / t, 1 / mp.mpf(11.1), 1 / mp.mpf(1.79), range(10), lambda t: t / _erfcx(1 / t - 1)),
    # lgamma(1 + z) = z p(z), lgamma(2 + z) = z p(z), lgamma(least + z) = p(z), and what Stirling's formula lacks: r p(r**2) for r = 1 / x
    Fit("lgamma 1", lambda z: mp.loggamma(1 + z) / z, -0.502, 0.502, range(15), lambda z: z / mp.loggamma(1 + z)),
    Fit("lgamma 2", lambda z: mp.loggamma(2 + z) / z, -0.5, 1.003, range(12), lambda z: z / mp.loggamma(2 + z)),
    Fit("lgamma least", lambda z: mp.loggamma(LEAST + z), -0.27, 0.27, range(10), lambda z: 1 / mp.loggamma(LEAST + z)),
    Fit("stirling", lambda u: (mp.loggamma(1 / mp.sqrt(u)) - (1 / mp.sqrt(u) - 0.5) * mp.log(1 / mp.sqrt(u)) + 1 / mp.sqrt(u) - mp.log(2 * mp.pi) / 2) / mp.sqrt(u), 1e-6, 1 / mp.mpf(9), range(4), mp.sqrt),
    # sin(pi x) = pi x (1 + x**2 p(x**2))
    Fit("sinpi", lambda u: (mp.sin(mp.pi * mp.sqrt(u)) / mp.pi / mp.sqrt(u) - 1) / u, TINY, 0.251, range(5), lambda u: u * mp.pi * mp.sqrt(u) / mp.sin(mp.pi * mp.sqrt(u))),
]  # fmt: skip


def main() -> None:
    wanted = sys.argv[1:]
    for fit in FITS:
        if wanted and fit.name not in wanted:
            continue
        coefficients, error = minimax(fit)
        print(f"{fit.name}: error {error:.2e} = 2^{np.log2(error):.1f}")
        for power, c in zip(fit.powers, coefficients):
            print(f"    x^{power}: {float(c):.9g}f")


if __name__ == "__main__":
    main()
