"""What elementwise leaves compute, in a language that C and Python share.

An expression holds variables (a, b, c: the arguments in order), numbers, `+ - * / & | ^ ~`,
comparisons and calls of named functions. `where(a, b, c)` is the choice; `a / b` and all functions follow
IEEE 754 (infinities and NaN, no exceptions); integers divide by functions. Where a class of dtypes needs another expression, it is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from facula.dtypes import BOOL, COMPLEX, FLOAT, INTEGER


@dataclass(frozen=True)
class Expression:
    """The text for real floating-point numbers, and for other classes of dtypes where it differs.

    `NONE` says that there is none for a class.
    """

    text: str
    bool: str = ""
    integer: str = ""
    complex: str = ""

    def of(self, category: int) -> str:
        """The text for a category of `facula.dtypes`."""
        special = {
            BOOL: self.bool or self.integer,
            INTEGER: self.integer,
            FLOAT: "",
            COMPLEX: self.complex,
        }
        return special[category] or self.text


NONE = "none"


def _call(name: str, count: int = 1, **special: str) -> Expression:
    return Expression(f"{name}({', '.join('abc'[:count])})", **special)


def _bits(text: str, bool: str = "") -> Expression:
    return Expression(NONE, bool=bool, integer=text, complex=NONE)


EXPRESSIONS: dict[str, Expression] = {
    "add": Expression("a + b", bool="a | b"),
    "sub": Expression("a - b", bool=NONE),
    "mul": Expression("a * b", bool="a & b"),
    "div": Expression("a / b"),
    "floor_divide": _call("floor_divide", 2, complex=NONE),
    "remainder": _call("remainder", 2, complex=NONE),
    "pow": _call("pow", 2, bool="a | (b == 0)", integer="power(a, b)"),
    "neg": Expression("-a", bool=NONE),
    "abs": Expression("abs(a)", bool="a"),
    "sign": Expression(
        "(a > 0) - (a < 0)",  # 0 for NaN, as in PyTorch
        bool="a",
        integer="(a > 0) - (a < 0)",
        complex="where(a == 0, a, a / abs(a))",
    ),
    "conj": Expression("a", complex="conj(a)"),
    "floor": _call("floor", integer="a", complex=NONE),
    "rint": _call("rint", integer="a", complex=NONE),
    "eq": Expression("a == b"),
    "ne": Expression("a != b"),
    "lt": Expression("a < b", complex=NONE),
    "le": Expression("a <= b", complex=NONE),
    "gt": Expression("a > b", complex=NONE),
    "ge": Expression("a >= b", complex=NONE),
    "bitwise_and": _bits("a & b"),
    "bitwise_or": _bits("a | b"),
    "bitwise_xor": _bits("a ^ b"),
    "bitwise_not": _bits("~a", bool="a == 0"),
    "bitwise_left_shift": _bits("shift_left(a, b)"),
    "bitwise_right_shift": _bits("shift_right(a, b)"),
    "select_where": _call("where", 3),
    "maximum": _call("maximum", 2, complex=NONE),
    "minimum": _call("minimum", 2, complex=NONE),
    "atan2": _call("atan2", 2, complex=NONE),
    "erf": _call("erf", complex=NONE),
    "erfc": _call("erfc", complex=NONE),
    "lgamma": _call("lgamma", complex=NONE),
} | {name: _call(name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos")}
