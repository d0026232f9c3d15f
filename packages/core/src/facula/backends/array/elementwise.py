"""Elementwise kernels."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    return _ufuncs(m) | _rounding(m) | _arithmetic(m)


def _ufuncs(m: Any) -> dict[str, Any]:
    """Functions that the module has under a name of its own."""
    same = (
        "exp expm1 exp2 log log1p log2 log10 sqrt sin cos tan sinh cosh tanh maximum minimum fmax fmin "
        "hypot copysign logaddexp2 nextafter gcd lcm isnan isinf isfinite signbit "
        "logical_and logical_or logical_xor logical_not square"
    )
    return {name: getattr(m, name) for name in same.split()} | {
        "add": m.add, "mul": m.multiply, "div": m.true_divide,
        "eq": m.equal, "ne": m.not_equal, "lt": m.less, "le": m.less_equal, "gt": m.greater, "ge": m.greater_equal,
        "select_where": _choosing(m), "atan2": m.arctan2,
        "asin": m.arcsin, "acos": m.arccos, "atan": m.arctan, "asinh": m.arcsinh, "acosh": m.arccosh, "atanh": m.arctanh,
        "sign": _sign(m),
        "sub": m.subtract, "neg": m.negative, "abs": m.absolute,
    }  # fmt: skip


def _sign(m: Any) -> Any:
    def sign(input: Any) -> Any:
        if input.dtype.kind == "b":
            return input.copy()
        out = m.asarray(m.sign(input))
        if input.dtype.kind not in "iu":
            m.copyto(out, 0, where=m.isnan(input))  # 0 for NaN, as in PyTorch
        return out

    return sign


def _choosing(m: Any) -> Any:
    """`where`, in which a number takes the dtype of the other array: bfloat16 would become float64."""

    def select_where(condition: Any, input: Any, other: Any) -> Any:
        if not hasattr(other, "dtype"):
            other = m.asarray(other, input.dtype)
        elif not hasattr(input, "dtype"):
            input = m.asarray(input, other.dtype)
        return m.where(condition, input, other)

    return select_where


def _rounding(m: Any) -> dict[str, Any]:
    def of_floats(function: Any) -> Any:
        return lambda input: function(input) if input.dtype.kind not in "iub" else input.copy()

    return {name: of_floats(getattr(m, name)) for name in ("floor", "ceil", "trunc", "rint")}


def powers_base(m: Any, input: Any, exponent: Any) -> Any:
    """`input` where its `power` to an array of exponents, some 0.5, is C's pow: inf and 0.0 of -inf and -0.0.

    NumPy takes the square root where its loop has a step of 0 over the exponents, and gives other results
    than for steps that move. Other exponents are not looked at: that takes as long as a quarter of the power.
    """
    if not _may_take_root(m, input, exponent):
        return input
    is_half = exponent == 0.5
    if not is_half.any():
        return input
    base = m.asarray(input, dtype=exponent.dtype)
    return m.where(is_half, m.where(base == -m.inf, m.abs(base), base) + 0, base)


def _may_take_root(m: Any, input: Any, exponent: Any) -> bool:
    """Whether the square root of `input` differs from its power, and some loop may have but one exponent."""
    if not hasattr(input, "dtype"):
        return bool(input == 0 or input == -m.inf)
    shape = exponent.shape
    return not shape or shape != input.shape or 1 in shape or 0 in exponent.strides


def _arithmetic(m: Any) -> dict[str, Any]:
    def no_zero(name: str, function: Any) -> Any:
        def kernel(input: Any, other: Any) -> Any:
            kind = (input if hasattr(input, "dtype") else other).dtype.kind
            if kind in "iub" and (other == 0 if not hasattr(other, "dtype") else not other.all()):
                raise RuntimeError(f"{name}: ZeroDivisionError: an integer tensor is divided by 0")
            return function(input, other)

        return kernel

    def pow(input: Any, exponent: Any) -> Any:
        if exponent.__class__ is float:
            if exponent == 2.0:
                return m.square(input)
            if exponent == 0.5:
                return m.sqrt(input)
            if exponent == -0.5:
                return m.reciprocal(m.sqrt(input))
        dtype = (input if hasattr(input, "dtype") else exponent).dtype
        if dtype.kind == "i":
            return integer_power(input, exponent)
        if dtype.kind == "b":
            return m.logical_or(input, m.logical_not(exponent))
        if dtype.kind == "f" and hasattr(exponent, "dtype"):
            input = powers_base(m, input, exponent)
        return m.power(input, exponent)

    def integer_power(input: Any, exponent: Any) -> Any:
        if not hasattr(exponent, "dtype"):
            if exponent < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            return m.power(input, exponent)
        negative = exponent < 0
        if not negative.any():
            return m.power(input, exponent)
        base = m.asarray(input, dtype=exponent.dtype)
        sign = m.where(
            exponent % 2 == 0, m.abs(base), base
        )  # 1 and -1 have integer inverses, all others round to 0
        return m.where(
            negative,
            m.where(m.abs(base) == 1, sign, 0),
            m.power(base, m.where(negative, 0, exponent)),
        )

    def frexp(input: Any) -> Any:
        mantissa, exponent = m.frexp(input)
        return m.asarray(mantissa), m.asarray(exponent, dtype=m.int32)

    return {
        "floor_divide": no_zero("floor_divide", m.floor_divide),
        "remainder": no_zero("remainder", m.remainder),
        "fmod": no_zero("fmod", m.fmod),
        "pow": pow,
        "frexp": frexp,
    }
