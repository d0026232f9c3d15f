"""Expressions of kernels, evaluated with the functions and operators of the standard."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}  # fmt: skip
BITS = {ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor}
COMPARE = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
#: Functions that the standard has under another name.
NAMES = {"atan2": "atan2", "rint": "round"}
ZERO = "{}: ZeroDivisionError: an integer tensor is divided by 0"


class Evaluator:
    """Values are arrays of `dtype` (NumPy's), or of bools where they came from comparisons."""

    def __init__(self, m: Any, dtype: Any):
        self.m, self.name = m, dtype.name
        self.dtype = getattr(m, dtype.name)
        self.names: dict[str, Any] = {}

    def __call__(self, expression: str, *values: Any) -> Any:
        self.names |= dict(zip("abcdefgh", values))
        return self.value(ast.parse(expression, mode="eval").body)

    def scalar(self, x: Any) -> Any:
        if isinstance(x, bool):
            return self.m.asarray(x)
        if isinstance(x, int) and "int" in self.name:
            bits = int(self.name.lstrip("uint"))
            x &= 2**bits - 1  # integers wrap
            x -= 2**bits if self.name[0] == "i" and x >> bits - 1 else 0
        return self.m.asarray(x, dtype=self.dtype)

    def operand(self, x: Any) -> Any:
        """An input, converted as C does; bools stay as they are."""
        return x if x.dtype == self.m.bool else self.cast(x, self.dtype)

    def number(self, x: Any) -> Any:
        return x if x.dtype == self.dtype else self.cast(x, self.dtype)

    def cast(self, x: Any, dtype: Any) -> Any:
        if self.m.isdtype(x.dtype, "complex floating") and not self.m.isdtype(dtype, "complex floating"):  # fmt: skip
            x = x != 0 if dtype == self.m.bool else self.m.real(x)
        return self.m.astype(x, dtype)

    def cast_out(self, x: Any, output: Any) -> Any:
        return self.cast(x, getattr(self.m, output.name))

    def value(self, node: Any) -> Any:
        match node:
            case ast.Constant(value):
                return self.scalar(value)
            case ast.Name(name):
                return self.names[name]
            case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
                a, b = (self.number(self.value(x)) for x in (left, right))
                return ARITHMETIC[type(op)](a, b)
            case ast.BinOp(left, op, right):
                a, b = self.value(left), self.value(right)
                alike = a.dtype == b.dtype
                return BITS[type(op)](*((a, b) if alike else map(self.number, (a, b))))
            case ast.Compare(left, [op], [right]):
                a, b = (self.number(self.value(x)) for x in (left, right))
                return COMPARE[type(op)](a, b)
            case ast.UnaryOp(ast.USub(), x):
                return -self.number(self.value(x))
            case ast.UnaryOp(ast.Invert(), x):
                return ~self.value(x)
            case ast.Call(ast.Name(name), arguments):
                return self.call(name, [self.value(x) for x in arguments])
        raise NotImplementedError(ast.dump(node))

    def call(self, name: str, arguments: list[Any]) -> Any:
        if name == "where":
            condition = arguments[0]
            condition = condition if condition.dtype == self.m.bool else condition != self.scalar(0)
            return self.m.where(condition, *map(self.number, arguments[1:]))
        arguments = [self.number(x) for x in arguments]
        if hasattr(self, f"call_{name}"):
            return getattr(self, f"call_{name}")(*arguments)
        return getattr(self.m, NAMES.get(name, name))(*arguments)

    # ---- functions that the standard lacks, or leaves open in part

    def call_maximum(self, a: Any, b: Any) -> Any:
        return a | b if a.dtype == self.m.bool else self.m.maximum(a, b)

    def call_minimum(self, a: Any, b: Any) -> Any:
        return a & b if a.dtype == self.m.bool else self.m.minimum(a, b)

    def call_abs(self, a: Any) -> Any:
        return a if a.dtype == self.m.bool else self.m.abs(a)

    def divided(self, name: str, a: Any, b: Any) -> Any:
        if "int" in self.name and bool(self.m.any(b == 0)):
            raise RuntimeError(ZERO.format(name))
        return getattr(self.m, name)(a, b)

    def call_floor_divide(self, a: Any, b: Any) -> Any:
        return self.divided("floor_divide", a, b)

    def call_remainder(self, a: Any, b: Any) -> Any:
        return self.divided("remainder", a, b)

    def call_power(self, a: Any, b: Any) -> Any:
        """Of integers; negative powers are rounded towards 0."""
        if not self.m.isdtype(b.dtype, "signed integer"):
            return self.m.pow(a, b)
        inverse = self.m.where(a == 1, 1, self.m.where(a == -1, 1 - 2 * (b & 1), 0))
        return self.m.where(b < 0, inverse, self.m.pow(a, self.m.where(b < 0, 0, b)))

    def call_shift_left(self, a: Any, b: Any) -> Any:
        inside = (b >= 0) & (b < 64)
        return self.m.where(inside, a << self.m.where(inside, b, 0), 0)

    def call_shift_right(self, a: Any, b: Any) -> Any:
        inside = (b >= 0) & (b < 64)
        return a >> self.m.where(inside, b, 63)

    def in_double(self, function: Any, x: Any) -> Any:
        return self.m.astype(function(self.m.astype(x, self.m.float64)), self.dtype)

    def call_erf(self, x: Any) -> Any:
        return self.in_double(self.erf, x)

    def call_erfc(self, x: Any) -> Any:
        return self.in_double(lambda x: self.m.where(x > 2.5, self.erfc_far(x), 1 - self.erf(x)), x)

    def erf(self, x: Any) -> Any:
        """exp(-x^2) times a series of positive terms up to 2.5, 1 - erfc beyond."""
        near = self.m.clip(x, -2.5, 2.5)
        term = total = near
        for k in range(1, 60):
            term = term * (near * near) * (2 / (2 * k + 1))
            total = total + term
        series = self.m.exp(-near * near) * total * (2 / math.sqrt(math.pi))
        far = self.m.sign(x) * (1 - self.erfc_far(self.m.abs(x)))
        return self.m.where(self.m.abs(x) > 2.5, far, series)

    def erfc_far(self, x: Any) -> Any:
        """The continued fraction of Laplace, for x > 2.5."""
        x = self.m.clip(x, 2.5, 30.0)
        fraction = x
        for k in range(80, 0, -1):
            fraction = x + (k / 2) / fraction
        return self.m.exp(-x * x) / fraction / math.sqrt(math.pi)

    def call_lgamma(self, x: Any) -> Any:
        return self.in_double(self.lgamma, x)

    def lgamma(self, x: Any) -> Any:
        """Stirling's series beyond 10, moved there by the recurrence; below 0.5 by reflection."""
        m = self.m
        y = m.where(x < 0.5, 1 - x, x)
        small, factors = y < 10, m.ones_like(y)
        for k in range(10):
            factors = m.where(small, factors * (y + k), factors)
        z = m.where(small, y + 10, y)
        series = sum(c / z**k for k, c in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260), (7, -1 / 1680), (9, 1 / 1188)))  # fmt: skip
        above = (z - 0.5) * m.log(z) - z + 0.5 * math.log(2 * math.pi) + series - m.log(factors)
        above = m.where(m.isinf(y), y, above)
        sine = m.abs(m.sin(math.pi * (x - m.round(x))))
        below = math.log(math.pi) - m.log(sine) - above
        out = m.where(x < 0.5, below, above)
        return m.where(m.isinf(x) | ((x <= 0) & (x == m.floor(x))), math.inf, out)
