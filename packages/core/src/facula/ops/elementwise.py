"""Elementwise arithmetic and comparison."""

from __future__ import annotations

from typing import Any

from facula.dtypes import B8
from facula.ops._op import Namespace, Tensor, leaf, op
from facula.ops.rules import broadcast, real_dtype

# ---- arithmetic


@leaf(promote="common", shape=broadcast)
def add(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Sum of `input` and `alpha * other`, broadcast together."""


@add.public
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return add.call(input, other if alpha == 1 else mul.call(other, alpha))


add.vjp(input=lambda xp, g: g, other=lambda xp, g: g)


@leaf(promote="common", shape=broadcast)
def sub(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input - alpha * other`, broadcast together."""


@sub.public
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return sub.call(input, other if alpha == 1 else mul.call(other, alpha))


sub.vjp(input=lambda xp, g: g, other=lambda xp, g: -g)


@leaf(promote="common", shape=broadcast)
def mul(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Product, broadcast together."""


mul.vjp(input=lambda xp, g, other: g * other, other=lambda xp, g, input: g * input)


@leaf(promote="float", shape=broadcast)
def div(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Quotient, broadcast together; of integers too it is floating-point.

    `rounding_mode` 'trunc' or 'floor' rounds it, and keeps integers integer.
    """


@div.public
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    from facula.ops._op import OPS

    if rounding_mode is None:
        return div.call(input, other)
    if rounding_mode == "floor":
        return OPS["floor_divide"](input, other)
    if rounding_mode == "trunc":
        return OPS["trunc_divide"](input, other)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


div.vjp(input=lambda xp, g, other: g / other, other=lambda xp, g, other, out: -g * (out / other))


@leaf(shape=broadcast)
def neg(xp: Namespace, input: Tensor) -> Tensor:
    """`-input`."""


neg.vjp(input=lambda xp, g: -g)


@op(alias=True, arithmetic=False)
def positive(xp: Namespace, input: Tensor) -> Tensor:
    """`input` itself. Raises RuntimeError for bool."""
    return input


@leaf(shape=broadcast, dtype=real_dtype, holomorphic=False)
def abs(xp: Namespace, input: Tensor) -> Tensor:
    """Absolute value; of a complex number its magnitude."""


abs.vjp(input=lambda xp, g, input: g * xp.sgn(input))


@leaf(shape=broadcast)
def sign(xp: Namespace, input: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of `input`; NaN for NaN."""


@op
def sgn(xp: Namespace, input: Tensor) -> Tensor:
    """`sign` for real numbers; for complex ones `input / abs(input)`, and 0 for 0."""
    from facula.dtypes import is_complex

    if not is_complex(input.dtype):
        return xp.sign(input)
    size = xp.abs(input)
    return xp.where(size == 0, xp.full((), 0, input.dtype), input / xp.where(size == 0, 1.0, size))


@leaf(shape=broadcast, holomorphic=False, arithmetic=False)
def conj(xp: Namespace, input: Tensor) -> Tensor:
    """Complex conjugate; `input` itself where it is real."""


conj.vjp(input=lambda xp, g: xp.conj(g))


# ---- transcendental functions: leaves all, for accuracy


def _unary(name: str, doc: str) -> Any:
    def function(xp: Namespace, input: Tensor) -> Tensor: ...

    function.__name__, function.__doc__ = name, doc
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    return leaf(promote="float", shape=broadcast)(function)


exp = _unary("exp", "e to the power of `input`.")
exp.vjp(input=lambda xp, g, out: g * out)
log = _unary("log", "Natural logarithm.")
log.vjp(input=lambda xp, g, input: g / input)
sqrt = _unary("sqrt", "Square root; NaN for negative numbers.")
sqrt.vjp(input=lambda xp, g, out: g / (2 * out))
tanh = _unary("tanh", "Hyperbolic tangent.")
tanh.vjp(input=lambda xp, g, out: g * (1 - out * out))


# ---- comparison


def _comparison(name: str, doc: str) -> Any:
    def function(xp: Namespace, input: Tensor, other: Tensor) -> Tensor: ...

    function.__name__, function.__doc__ = name, doc
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "other": "Tensor"}
    return leaf(promote="common", shape=broadcast, dtype=B8)(function)


eq = _comparison("eq", "Whether elements are equal.")
ne = _comparison("ne", "Whether elements differ.")
lt = _comparison("lt", "Whether elements of `input` are less than those of `other`.")
le = _comparison("le", "Whether elements of `input` are less than or equal to those of `other`.")
gt = _comparison("gt", "Whether elements of `input` are greater than those of `other`.")
ge = _comparison("ge", "Whether elements of `input` are greater than or equal to those of `other`.")


@leaf(promote="common", shape=broadcast)
def maximum(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The larger of the two; NaN where either is NaN. A tie shares the gradient evenly."""


def _extremum_rule(xp: Any, g: Any, mine: Any, theirs: Any, wins: Any) -> Any:
    half = xp.where(mine == theirs, g / 2, g)
    return xp.where(wins, half, xp.full((), 0, g.dtype))


maximum.vjp(
    input=lambda xp, g, input, other: _extremum_rule(xp, g, input, other, xp.ge(input, other)),
    other=lambda xp, g, input, other: _extremum_rule(xp, g, other, input, xp.ge(other, input)),
)


@leaf(promote="common", shape=broadcast)
def minimum(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The smaller of the two; NaN where either is NaN. A tie shares the gradient evenly."""


minimum.vjp(
    input=lambda xp, g, input, other: _extremum_rule(xp, g, input, other, xp.le(input, other)),
    other=lambda xp, g, input, other: _extremum_rule(xp, g, other, input, xp.le(other, input)),
)


# ---- choosing


@leaf(shape=lambda condition, input, other: broadcast(condition, input, other), dtype=lambda c, x, y: x.dtype if hasattr(x, "dtype") else y.dtype, arithmetic=False)
def select_where(xp: Namespace, condition: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """`input` where `condition`, else `other`; both have one dtype."""


def _where_rule(xp: Any, g: Any, condition: Any, mine: bool) -> Any:
    zero = xp.full((), 0, g.dtype)
    return xp.select_where(condition, g, zero) if mine else xp.select_where(condition, zero, g)


select_where.vjp(
    input=lambda xp, g, condition: _where_rule(xp, g, condition, True),
    other=lambda xp, g, condition: _where_rule(xp, g, condition, False),
)


@op(promote=None, arithmetic=False)
def where(xp: Namespace, condition: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """`input` where `condition` is true, else `other`; all three are broadcast together."""
    return xp.select_where(condition, input, other)
