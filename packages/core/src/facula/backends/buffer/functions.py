"""The functions that expressions call, for Python numbers and with IEEE 754 results: no exceptions, ever."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

INF, NAN = math.inf, math.nan


def ieee(function: Callable[..., Any], poles: dict[float, float] | None = None) -> Callable[..., Any]:
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


def _complex(function: Callable[[complex], complex]) -> Callable[[complex], complex]:
    def call(z: complex) -> complex:
        try:
            return function(z)
        except (OverflowError, ValueError, ZeroDivisionError):
            return complex(NAN, NAN)

    return call


def _complex_log(z: complex) -> complex:
    return cmath.log(z) if z != 0 else complex(-INF, math.atan2(z.imag, z.real))


ANY: dict[str, Callable[..., Any]] = {
    "maximum": maximum, "minimum": minimum, "where": where, "abs": ieee(abs),
    "conj": lambda z: z.conjugate(),
}  # fmt: skip

REAL: dict[str, Callable[..., Any]] = ANY | {
    "exp": ieee(math.exp), "sqrt": ieee(math.sqrt), "tanh": math.tanh,
    "log": ieee(math.log, {0: -INF}), "fmod": fmod,
    "floor": _rounding(math.floor), "ceil": _rounding(math.ceil), "trunc": _rounding(math.trunc), "round": _rounding(round),
}  # fmt: skip

COMPLEX: dict[str, Callable[..., Any]] = ANY | {
    "exp": _complex(cmath.exp), "sqrt": cmath.sqrt, "tanh": _complex(cmath.tanh), "log": _complex_log,
}  # fmt: skip
