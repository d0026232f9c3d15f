"""Algebra that changes no bit: x * 1, x - 0, x ** 0.5 and x ** -0.5, -(-x), casts and views of what was cast or viewed.

`x + 0` is none of it (-0 + 0 is 0), nor `x * 0` (NaN); `x + -0.0` is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from facula.graph.ir import Graph, Node, Value
from facula.graph.passes.rewrite import Rewriter
from facula.ops.dims import row_major


def simplify_algebra(graph: Graph) -> int:
    """Returns how many nodes went."""
    return Rewriter(graph).run(_simpler)


def _simpler(node: Node, add: Any) -> Value | None:
    rule = _RULES.get(node.name)
    return None if rule is None else rule(node, add)


def _is(number: Any, value: float, sign: float = 1.0) -> bool:
    """Whether an argument is this Python number; zeros differ in their sign."""
    if number.__class__ not in (int, float) or number != value:
        return False
    return bool(number) or number.__class__ is int or math.copysign(1.0, number) == sign


def _mul(node: Node, add: Any) -> Value | None:
    a, b = node.args[:2]
    if _is(b, 1):
        return _value(a)
    return _value(b) if _is(a, 1) else None


def _div(node: Node, add: Any) -> Value | None:
    return _value(node.args[0]) if _is(node.args[1], 1) else None


def _pow(node: Node, add: Any) -> Value | None:
    x, exponent = node.args
    is_root = exponent.__class__ is float and abs(exponent) == 0.5
    if is_root and x.__class__ is Value and x.dtype.kind in "fc":
        # As in eager: of -0.0 and -inf C's pow gives 0.0 and inf.
        root = _value(add("sqrt", x))
        return root if exponent == 0.5 else _value(add("div", 1, root))
    return _value(x) if _is(exponent, 1) else None


def _sub(node: Node, add: Any) -> Value | None:
    a, b = node.args[:2]
    zero = _is(b, 0) and (b.__class__ is float or _is_integer(a))
    return _value(a) if zero else None


def _add(node: Node, add: Any) -> Value | None:
    for a, b in (node.args[:2], node.args[1::-1]):
        if _is(b, 0, -1.0) and (b.__class__ is float or _is_integer(a)):
            return _value(a)
    return None


def _neg(node: Node, add: Any) -> Value | None:
    inner = node.args[0].node
    return _value(inner.args[0]) if inner.name == "neg" else None


def _cast(node: Node, add: Any) -> Value | None:
    x, dtype = node.args
    if x.dtype is dtype:
        return _value(x)
    inner = x.node
    if inner.name == "cast" and _holds(inner.args[0].dtype, x.dtype):
        source = inner.args[0]
        return _value(source) if source.dtype is dtype else _value(add("cast", source, dtype))
    return None


def _holds(small: Any, large: Any) -> bool:
    """Whether every number of one dtype is one of the other, by the same kind of rounding (none)."""
    kinds = small.kind + large.kind
    return kinds in _WIDER and bool(np.can_cast(small, large, "safe"))


#: Kinds of dtypes of which the second may hold all of the first; NumPy counts int64 in float64 among these.
_WIDER = ("bb", "bi", "bu", "bf", "bc", "ii", "ui", "uu", "ff", "fc", "cc")


def _permute(node: Node, add: Any) -> Value | None:
    x, dims = node.args
    if tuple(dims) == tuple(range(len(x.shape))):
        return _value(x)
    if x.node.name == "permute":
        source, inner = x.node.args
        both = tuple(inner[d] for d in dims)
        return _value(source if both == tuple(range(len(both))) else add("permute", source, both))
    return None


def _view(node: Node, add: Any) -> Value | None:
    x, size = node.args
    if tuple(size) == x.shape:
        return _value(x)
    if x.node.name == "view" and x.node.args[0].strides == row_major(x.node.args[0].shape):
        source = x.node.args[0]
        return _value(source if source.shape == tuple(size) else add("view", source, size))
    return None


def _expand(node: Node, add: Any) -> Value | None:
    x, size = node.args
    return _value(x) if tuple(size) == x.shape else None


def _value(x: Any) -> Value | None:
    return x if x.__class__ is Value else None


def _is_integer(x: Any) -> bool:
    return x.__class__ is Value and x.dtype.kind in "iu"


_RULES = {
    "mul": _mul, "div": _div, "pow": _pow, "sub": _sub, "add": _add, "neg": _neg, "cast": _cast, "permute": _permute,
    "view": _view, "expand": _expand,
}  # fmt: skip
