"""What elementwise leaves compute, in a language that C and Python share.

An expression holds variables (a, b, c: the arguments in order), numbers, `+ - * / % & | ^ ~ << >>`,
comparisons and calls of named functions. `where(a, b, c)` is the choice; `a / b` and all functions follow
IEEE 754 (infinities and NaN, no exceptions). `/` and `%` are for floating-point numbers only:
integers divide by functions. Where a class of dtypes needs another expression, it is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from facula.dtypes import BOOL, COMPLEX, FLOAT, INTEGER


@dataclass(frozen=True)
class Expression:
    """The text for real floating-point numbers, and for other classes of dtypes where it differs."""

    text: str
    bool: str = ""
    integer: str = ""
    complex: str = ""

    def of(self, category: int) -> str:
        """The text for a category of `facula.dtypes`."""
        special = {BOOL: self.bool or self.integer, INTEGER: self.integer, FLOAT: "", COMPLEX: self.complex}
        return special[category] or self.text


def _call(name: str, count: int = 1) -> Expression:
    return Expression(f"{name}({', '.join('abc'[:count])})")


EXPRESSIONS: dict[str, Expression] = {
    "add": Expression("a + b", bool="a | b"),
    "sub": Expression("a - b", bool="a ^ b"),
    "mul": Expression("a * b", bool="a & b"),
    "div": Expression("a / b"),
    "neg": Expression("-a"),
    "abs": Expression("abs(a)", bool="a"),
    "sign": Expression("where(a != a, a, (a > 0) - (a < 0))", bool="a", integer="(a > 0) - (a < 0)"),
    "conj": Expression("a", complex="conj(a)"),
    "eq": Expression("a == b"),
    "ne": Expression("a != b"),
    "lt": Expression("a < b"),
    "le": Expression("a <= b"),
    "gt": Expression("a > b"),
    "ge": Expression("a >= b"),
    "select_where": _call("where", 3),
    "maximum": _call("maximum", 2),
    "minimum": _call("minimum", 2),
    "clone": Expression("a"),
    "cast": Expression("a"),
} | {name: _call(name) for name in ("exp", "log", "sqrt", "tanh")}
