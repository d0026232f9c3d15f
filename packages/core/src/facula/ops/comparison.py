"""Comparison, tests of numbers, logic, extremes of two, choosing."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import B8, is_complex, is_floating_point, is_integral
from facula.ops._op import Namespace, Op, Tensor, leaf, op
from facula.ops.elementwise import sample_binary
from facula.ops.rules import broadcast
from facula.testing.samples import call


def _comparison(name: str, doc: str, alias: str) -> Op:
    def function(xp: Namespace, input: Tensor, other: Tensor) -> Tensor: ...

    function.__name__, function.__doc__ = name, doc
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "other": "Tensor"}
    o: Op = leaf(promote="common", shape=broadcast, dtype=B8)(function)
    sample_binary(o)
    return o.alias_as(alias) if alias else o


eq = _comparison("eq", "Whether elements are equal.", "")
ne = _comparison("ne", "Whether elements differ.", "not_equal")
lt = _comparison("lt", "Whether elements of `input` are less than those of `other`.", "less")
le = _comparison(
    "le", "Whether elements of `input` are less than or equal to those of `other`.", "less_equal"
)
gt = _comparison("gt", "Whether elements of `input` are greater than those of `other`.", "greater")
ge = _comparison(
    "ge",
    "Whether elements of `input` are greater than or equal to those of `other`.",
    "greater_equal",
)


# ---- tests of single numbers


def _test(name: str, doc: str, body: Any) -> Op:
    body.__name__, body.__doc__, body.__module__ = name, doc, __name__
    body.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    o: Op = op(body)
    o.sample(
        lambda make: [
            call(make.of([0.0, 1.5, math.nan, math.inf, -math.inf])),
            call(make.of([1, -2], "int64")),
        ]
    )
    return o


def _either(xp: Namespace, input: Any, test: str) -> Any:
    f = getattr(xp, test)
    return xp.bitwise_or(f(xp.real(input)), f(xp.imag(input)))


def _isinf(xp: Namespace, input: Any) -> Any:
    return _either(xp, input, "isinf") if is_complex(input.dtype) else xp.abs(input) == math.inf


def _isfinite(xp: Namespace, input: Any) -> Any:
    return xp.lt(xp.abs(input), math.inf)


def _signbit(xp: Namespace, input: Any) -> Any:
    negative = xp.lt(input, 0)
    if not is_floating_point(input.dtype):
        return negative
    return xp.bitwise_or(
        negative, xp.bitwise_and(input == 0, xp.lt(1 / input, 0))
    )  # 1 / -0.0 is -inf


def _isreal(xp: Namespace, input: Any) -> Any:
    return xp.imag(input) == 0 if is_complex(input.dtype) else xp.full(input.shape, True, B8)


isnan = _test("isnan", "Whether elements are NaN.", lambda xp, input: xp.ne(input, input))
isinf = _test("isinf", "Whether elements are infinite.", _isinf)
isfinite = _test("isfinite", "Whether elements are neither infinite nor NaN.", _isfinite)
isposinf = _test("isposinf", "Whether elements are +inf.", lambda xp, input: xp.eq(input, math.inf))
isneginf = _test(
    "isneginf", "Whether elements are -inf.", lambda xp, input: xp.eq(input, -math.inf)
)
isreal = _test("isreal", "Whether the imaginary part is 0.", _isreal)
signbit = _test("signbit", "Whether the sign is negative, that of -0.0 included.", _signbit)

for _op in (isposinf, isneginf, signbit):

    def _refuse_complex(input: Any, _op: Op = _op) -> Any:
        if input.dtype.is_complex:
            raise RuntimeError(f"{_op.name}: complex numbers have no order, got {input.dtype}")
        return _op.call(input)

    _op.public(_refuse_complex)

# ---- closeness


@op(promote=None)
def isclose(
    xp: Namespace,
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether `|input - other| <= atol + rtol * |other|`; infinities are close to themselves.

    Raises RuntimeError for different dtypes or a negative tolerance.
    """
    close = xp.eq(input, other)
    if equal_nan:
        close = xp.bitwise_or(close, xp.bitwise_and(xp.isnan(input), xp.isnan(other)))
    if is_integral(input.dtype):
        from facula.dtypes import F64

        input, other = xp.cast(input, F64), xp.cast(other, F64)
    gap = xp.abs(input - other)
    return xp.bitwise_or(
        close, xp.bitwise_and(xp.isfinite(gap), xp.le(gap, atol + rtol * xp.abs(other)))
    )


def _check_close(name: str, input: Any, other: Any, rtol: float, atol: float) -> None:
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"{name}: input is {input.dtype} and other is {other.dtype}; both must have one dtype"
        )
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"{name}: tolerances must be at least 0, got rtol={rtol}, atol={atol}")


@isclose.public
def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    _check_close("isclose", input, other, rtol, atol)
    return isclose.call(input, other, rtol, atol, equal_nan)


@op(dynamic="its result is a Python bool; use isclose(...).all()")
def allclose(
    xp: Namespace,
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether all elements are close (see `isclose`), as a Python bool."""
    return xp.all(xp.isclose(input, other, rtol, atol, equal_nan))


@allclose.public
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    _check_close("allclose", input, other, rtol, atol)
    return bool(allclose.call(input.detach(), other.detach(), rtol, atol, equal_nan))


@op(dynamic="its result is a Python bool; use (input == other).all()")
def equal(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Whether shapes and all elements are equal, as a Python bool."""
    return xp.all(xp.eq(input, other))


@equal.public
def equal(input: Any, other: Any) -> bool:
    return input.shape == other.shape and bool(equal.call(input.detach(), other.detach()))


def _near(make: Any) -> Any:
    yield call(
        make.of([1.0, 2.0, math.nan, math.inf]), make.of([1.0 + 1e-9, 2.1, math.nan, math.inf])
    )
    yield call(make.of([1.0, 2.0, math.nan]), make.of([1.0, 2.1, math.nan]), 0.1, 0.0, True)


isclose.sample(_near)
allclose.sample(_near)
equal.sample(lambda make: [call(make.of([1.0, 2.0]), make.of([1.0, 2.0]))])

# ---- logic


@op(inplace=True)
def logical_and(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Whether both elements are nonzero."""
    return xp.bitwise_and(xp.ne(input, 0), xp.ne(other, 0))


@op(inplace=True)
def logical_or(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Whether one of the two elements is nonzero."""
    return xp.bitwise_or(xp.ne(input, 0), xp.ne(other, 0))


@op(inplace=True)
def logical_xor(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Whether just one of the two elements is nonzero."""
    return xp.ne(xp.ne(input, 0), xp.ne(other, 0))


@op(inplace=True)
def logical_not(xp: Namespace, input: Tensor) -> Tensor:
    """Whether elements are 0 or False."""
    return xp.eq(input, 0)


for _op in (logical_and, logical_or, logical_xor):
    _op.sample(
        lambda make: [
            call(make.of([True, False, True]), make.of([True, True, False])),
            call(make.of([[0.0], [1.5]]), make.of([0, 2], "int64")),
        ]
    )
logical_not.sample(
    lambda make: [call(make.of([True, False])), call(make.of([0.0, 1.5])), call(make.of(3))]
)

# ---- the larger, the smaller


@leaf(promote="common", shape=broadcast)
def maximum(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The larger of the two; NaN where either is NaN. A tie shares the gradient evenly."""


@leaf(promote="common", shape=broadcast)
def minimum(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The smaller of the two; NaN where either is NaN. A tie shares the gradient evenly."""


def _extremum_rule(xp: Any, g: Any, tie: Any, loses: Any) -> Any:
    """`g` where an operand is the result, half of it at a tie; of NaN, which loses against nothing, too, as in PyTorch."""
    return xp.where(loses, 0.0, xp.where(tie, g / 2, g))


maximum.vjp(
    input=lambda xp, g, input, other: _extremum_rule(xp, g, input == other, xp.lt(input, other)),
    other=lambda xp, g, input, other: _extremum_rule(xp, g, input == other, xp.lt(other, input)),
)
minimum.vjp(
    input=lambda xp, g, input, other: _extremum_rule(xp, g, input == other, xp.gt(input, other)),
    other=lambda xp, g, input, other: _extremum_rule(xp, g, input == other, xp.gt(other, input)),
)


@op(promote="common")
def fmax(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The larger of the two; the other one where one is NaN."""
    return xp.where(
        xp.isnan(other), input, xp.where(xp.isnan(input), other, xp.maximum(input, other))
    )


@op(promote="common")
def fmin(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """The smaller of the two; the other one where one is NaN."""
    return xp.where(
        xp.isnan(other), input, xp.where(xp.isnan(input), other, xp.minimum(input, other))
    )


fmax.vjp(
    input=lambda xp, g, input, other: xp.where(
        xp.bitwise_or(xp.ge(input, other), xp.isnan(other)), g, 0.0
    ),
    other=lambda xp, g, input, other: xp.where(
        xp.bitwise_or(xp.ge(input, other), xp.isnan(other)), 0.0, g
    ),
)
fmin.vjp(
    input=lambda xp, g, input, other: xp.where(
        xp.bitwise_or(xp.le(input, other), xp.isnan(other)), g, 0.0
    ),
    other=lambda xp, g, input, other: xp.where(
        xp.bitwise_or(xp.le(input, other), xp.isnan(other)), 0.0, g
    ),
)
for _op in (maximum, minimum, fmax, fmin):
    sample_binary(_op)


@op(promote="common", scalars=True)
def clamp(
    xp: Namespace, input: Tensor, min: Tensor | None = None, max: Tensor | None = None
) -> Tensor:
    """`input` brought into [min, max]; a bound is a number, a tensor or None. `max` wins over `min`.

    Raises RuntimeError where both bounds are None.
    """
    if min is None and max is None:
        raise RuntimeError("clamp: at least one of 'min' and 'max' must not be None")
    out = input if min is None else xp.maximum(input, min)
    return out if max is None else xp.minimum(out, max)


def _clamp_input(xp: Namespace, g: Any, input: Any, min: Any, max: Any) -> Any:
    if min is None or max is None:
        inside = xp.le(input, max) if min is None else xp.ge(input, min)
    else:
        inside = xp.bitwise_and(xp.ge(input, min), xp.le(input, max))
    return xp.where(inside, g, 0.0)


def _clamp_min(xp: Namespace, g: Any, input: Any, min: Any, max: Any) -> Any:
    below = xp.lt(input, min)
    return xp.where(below if max is None else xp.bitwise_and(below, xp.lt(min, max)), g, 0.0)


def _clamp_max(xp: Namespace, g: Any, input: Any, min: Any, max: Any) -> Any:
    above = xp.gt(input, max)
    return xp.where(above if min is None else xp.bitwise_or(above, xp.lt(max, min)), g, 0.0)


clamp.alias_as("clip")
clamp.vjp(input=_clamp_input, min=_clamp_min, max=_clamp_max)


@clamp.sample
def clamp(make: Any) -> Any:
    yield call(make(3, 4), -0.5, 0.7)
    yield call(make(3, 4), max=0.7)
    yield call(make(3, 1), make(4, low=-1, high=-0.5), make(3, 4, low=0.5, high=1))
    yield call(make(0, 2), 0.0)
    yield call(make.of([1, 5, 9], "int64"), 2, 6)


@op(promote="common", scalars=True)
def clamp_min(xp: Namespace, input: Tensor, min: Tensor) -> Tensor:
    """The larger of `input` and `min`; a tie's gradient is `input`'s."""
    return xp.maximum(input, min)


@op(promote="common", scalars=True)
def clamp_max(xp: Namespace, input: Tensor, max: Tensor) -> Tensor:
    """The smaller of `input` and `max`; a tie's gradient is `input`'s."""
    return xp.minimum(input, max)


clamp_min.vjp(
    input=lambda xp, g, input, min: xp.where(xp.ge(input, min), g, 0.0),
    min=lambda xp, g, input, min: xp.where(xp.lt(input, min), g, 0.0),
)
clamp_max.vjp(
    input=lambda xp, g, input, max: xp.where(xp.le(input, max), g, 0.0),
    max=lambda xp, g, input, max: xp.where(xp.gt(input, max), g, 0.0),
)
for _op in (clamp_min, clamp_max):
    sample_binary(_op)

# ---- choosing


def _chosen_dtype(condition: Any, input: Any, other: Any) -> Any:
    return input.dtype if hasattr(input, "dtype") else other.dtype


@leaf(
    promote="values",
    shape=broadcast,
    dtype=_chosen_dtype,
    arithmetic=False,
    method=False,
    inplace=False,
)
def select_where(xp: Namespace, condition: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """`input` where `condition` (bool), else `other`; one of the two may be a number."""


@select_where.sample
def _(make: Any) -> Any:
    condition = make.of([[True], [False]])
    yield call(condition, make(2, 3), make(3))
    yield call(condition, make(2, 3), 1)
    yield call(make.of([True, False, True]), make(3, dtype="int64"), make(3, dtype="int64"))


@op(promote="values", scalars=True, arithmetic=False, method=False, inplace=False)
def where(xp: Namespace, condition: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """`input` where `condition` is true, else `other`; all three are broadcast together."""
    if not hasattr(input, "dtype") and not hasattr(other, "dtype"):
        from facula.promotion import result_dtype

        input = xp.full((), input, result_dtype([], [input, other]).dtype)
    return xp.select_where(condition, input, other)


@where.public
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype.name not in ("bool", "uint8"):
        raise RuntimeError(
            f"where: expected condition to be a boolean tensor, but got one of {condition.dtype}"
        )
    return where.call(condition, input, other)


for _op in (select_where, where):
    _op.vjp(
        input=lambda xp, g, condition: xp.select_where(condition, g, 0.0),
        other=lambda xp, g, condition: xp.select_where(condition, 0.0, g),
    )


@where.sample
def where(make: Any) -> Any:
    yield call(make.of([[True], [False]]), make(2, 3), make(3))
    yield call(make.of([True, False]), make(2), 0.5)
    yield call(make.of([True, False]), make.of([1, 2], "int32"), make(2))
    yield call(make.of(True), make(0), make(1))


# ---- which operands may be numbers

for _op in (maximum, minimum, fmax, fmin, logical_and, logical_or, logical_xor):
    _op.numbers = "none"
for _op in (eq, ne, lt, le, gt, ge, clamp_min, clamp_max):
    _op.numbers = "second"
