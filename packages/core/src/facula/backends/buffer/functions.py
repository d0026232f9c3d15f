"""The functions that expressions call, for Python numbers and with IEEE 754 results: floats raise nothing, ever."""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from typing import Any

INF, NAN = math.inf, math.nan


def ieee(
    function: Callable[..., Any], poles: dict[float, float] | None = None
) -> Callable[..., Any]:
    """`function` with infinity for overflow, its value at poles, and NaN outside its domain."""
    at = poles or {}

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except OverflowError:
            return math.copysign(INF, args[0]) if function in _ODD else INF
        except (ValueError, ZeroDivisionError):
            return at.get(args[0], NAN)

    return call


_ODD = (math.sinh,)


def divide(a: Any, b: Any) -> Any:
    try:
        return a / b
    except ZeroDivisionError:
        if isinstance(a, complex) or isinstance(b, complex):
            return complex(NAN, NAN)
        return NAN if a == 0 or a != a else math.copysign(INF, a) * math.copysign(1.0, b)
    except OverflowError:
        return complex(INF, NAN)


def fmod(a: float, b: float) -> float:
    """Remainder with the sign of `a`, exact."""
    return NAN if b == 0 or math.isinf(a) or a != a or b != b else math.fmod(a, b)


def maximum(a: Any, b: Any) -> Any:
    return a if a > b or a != a else b


def minimum(a: Any, b: Any) -> Any:
    return a if a < b or a != a else b


def where(a: Any, b: Any, c: Any) -> Any:
    return b if a else c


def _rounding(function: Callable[[float], int]) -> Callable[[float], float]:
    def call(x: float) -> float:
        return math.copysign(float(function(x)), x) if math.isfinite(x) else x

    return call


def _complex(function: Callable[..., complex]) -> Callable[..., complex]:
    def call(*args: complex) -> complex:
        try:
            return function(*args)
        except (OverflowError, ValueError, ZeroDivisionError):
            return complex(NAN, NAN)

    return call


def _complex_log(z: complex) -> complex:
    return cmath.log(z) if z != 0 else complex(-INF, math.atan2(z.imag, z.real))


def floor_divide(a: float, b: float) -> float:
    """The quotient rounded down, exact even where `a / b` would round up to the next whole number."""
    if b == 0 or b != b or a != a:
        return float(divide(a, b))
    if math.isinf(a):
        return NAN
    rest = math.fmod(a, b)
    quotient = (a - rest) / b
    if rest and (rest < 0) != (b < 0):
        quotient -= 1.0
    return float(round(quotient)) if abs(quotient) < 2.0**52 and quotient else quotient


def remainder(a: float, b: float) -> float:
    """What is left after `floor_divide`: it has the sign of `b`."""
    rest = fmod(a, b)
    return (
        rest + b
        if rest and (rest < 0) != (b < 0)
        else math.copysign(rest, b)
        if rest == 0
        else rest
    )


def lgamma(x: float) -> float:
    """Logarithm of the magnitude of the gamma function; infinite at 0, -1, -2, ..."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return INF


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INF if a < 0 and b % 2 == 1 else INF
    except ValueError:  # 0 to a negative power, or a root of a negative number
        return NAN if a else math.copysign(INF, a) if b % 2 == 1 else INF


# ---- integers


def integer_power(a: int, b: int) -> int:
    """Wrapped to 64 bits; negative powers are rounded towards 0."""
    if b < 0:
        return 0 if a not in (1, -1) else a if b % 2 else 1
    return pow(a, b, 1 << 64)


def _checked(name: str, function: Callable[[int, int], int]) -> Callable[[int, int], int]:
    """Division of integers. A device may leave the result open where Python can raise."""

    def call(a: int, b: int) -> int:
        if b == 0:
            raise RuntimeError(f"{name}: ZeroDivisionError: an integer tensor is divided by 0")
        return function(a, b)

    return call


def shift_left(a: int, b: int) -> int:
    return a << b if 0 <= b < 64 else 0


def shift_right(a: int, b: int) -> int:
    return a >> b if 0 <= b < 64 else -(a < 0)


# ---- complex numbers


def complex_power(a: complex, b: complex) -> complex:
    if a == 0:
        return 1 + 0j if b == 0 else 0j if b.real > 0 else complex(NAN, NAN)
    return complex(a**b)


def complex_expm1(z: complex) -> complex:
    x, y = z.real, z.imag
    half = math.sin(y / 2)
    return complex(math.expm1(x) * math.cos(y) - 2 * half * half, math.exp(x) * math.sin(y))


ANY: dict[str, Callable[..., Any]] = {
    "maximum": maximum, "minimum": minimum, "where": where, "abs": ieee(abs), "conj": lambda z: z.conjugate(),
}  # fmt: skip

REAL: dict[str, Callable[..., Any]] = ANY | {
    "exp": ieee(math.exp), "expm1": ieee(math.expm1), "sqrt": ieee(math.sqrt), "tanh": math.tanh,
    "log": ieee(math.log, {0: -INF}), "log1p": ieee(math.log1p, {-1: -INF}), "sin": ieee(math.sin), "cos": ieee(math.cos),
    "atan2": math.atan2, "pow": power, "floor_divide": floor_divide, "remainder": remainder, "fmod": fmod,
    "floor": _rounding(math.floor), "rint": _rounding(round),
    "erf": math.erf, "erfc": math.erfc, "lgamma": lgamma,
}  # fmt: skip

INTEGER: dict[str, Callable[..., Any]] = ANY | {
    "floor_divide": _checked("floor_divide", operator.floordiv), "remainder": _checked("remainder", operator.mod), "power": integer_power,
    "shift_left": shift_left, "shift_right": shift_right,
}  # fmt: skip

COMPLEX: dict[str, Callable[..., Any]] = ANY | {
    "exp": _complex(cmath.exp), "expm1": _complex(complex_expm1), "sqrt": cmath.sqrt, "tanh": _complex(cmath.tanh),
    "log": _complex_log, "log1p": lambda z: _complex_log(1 + z), "sin": _complex(cmath.sin), "cos": _complex(cmath.cos),
    "pow": _complex(complex_power),
}  # fmt: skip


def table(category: int) -> dict[str, Callable[..., Any]]:
    """The functions for a category of `facula.dtypes`."""
    return (INTEGER, INTEGER, REAL, COMPLEX)[category]
