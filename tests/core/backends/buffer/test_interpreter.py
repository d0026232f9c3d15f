"""Kernel descriptions in pure Python: wrap-around, IEEE 754, float32 rounding."""

from __future__ import annotations

import ast
import math

import numpy as np
import pytest

from facula.backends import backend_for
from facula.backends.buffer import Input, Map, Operand, functions, interpret
from facula.backends.buffer.expressions import EXPRESSIONS, NONE
from facula.backends.buffer.interpreter import evaluator, places
from facula.dtypes import BOOL, COMPLEX, FLOAT, INTEGER
from facula.ops import OPS

toy = backend_for("toy")
UGLY = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.0,
    1e-30,
    1e30,
    -1e30,
    100.0,
    math.inf,
    -math.inf,
    math.nan,
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_no_expression_raises_on_any_number(name, dtype):
    """Compared with NumPy's own kernel, to 2 ulp; also where a result is infinite or no number."""
    text = EXPRESSIONS[name].of(FLOAT)
    host = backend_for("cpu")
    if text is NONE or name in ("select_where", "clone", "cast"):
        return
    a, b = (x.ravel() for x in np.meshgrid(np.array(UGLY, dtype), np.array(UGLY, dtype)))
    args = (a, b) if "b" in text.replace("abs", "") else (a,)
    expected = getattr(host, name)(*args)
    got = toy.to_numpy(getattr(toy, name)(*[toy.asarray(x) for x in args]))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    absolute = 1e-14 if name == "lgamma" else 0  # NumPy's kernel cancels near its roots
    np.testing.assert_allclose(got, expected, rtol=2 * np.finfo(dtype).eps, atol=absolute)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "int32", "int64", "uint64"])
def test_integers_wrap(dtype):
    info = np.iinfo(dtype)
    a = np.array([info.max, info.max, info.min, 7], dtype)
    b = np.array([1, info.max, 3, 5], dtype)
    with np.errstate(over="ignore"):
        for name, function in [
            ("add", np.add),
            ("sub", np.subtract),
            ("mul", np.multiply),
            ("bitwise_xor", np.bitwise_xor),
        ]:
            got = toy.to_numpy(getattr(toy, name)(toy.asarray(a), toy.asarray(b)))
            np.testing.assert_array_equal(got, function(a, b))


def test_float32_is_rounded_at_every_step():
    f = evaluator("a * b + a", np.dtype(np.float32), "a, b")
    a, b = np.float32(1.1), np.float32(3.3)
    assert f(float(a), float(b)) == float(np.float32(np.float32(a * b) + a))


def test_expressions_hold_nothing_else():
    for bad in ("a.b", "a if b else c", "[a]", "lambda: a", "a ** b", "a and b", "a < b < c"):
        with pytest.raises(TypeError, match="an expression may not hold"):
            evaluator(bad, np.dtype(np.float64), "a, b, c")


def test_every_class_of_dtypes_has_a_text():
    for expression in EXPRESSIONS.values():
        for category in (BOOL, INTEGER, FLOAT, COMPLEX):
            assert expression.of(category)


def test_every_function_that_is_called_exists():
    for name, expression in EXPRESSIONS.items():
        computes_in_floats = OPS[name].promote == "float"
        for category in (FLOAT, COMPLEX) if computes_in_floats else (BOOL, INTEGER, FLOAT, COMPLEX):
            text = expression.of(category)
            called = {n.func.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)}
            assert text is NONE or called <= set(functions.table(category)), name


def test_places_follow_strides():
    assert places((2, 3), Operand(None, 10, (-1, 2))) == [10, 12, 14, 9, 11, 13]
    assert places((), Operand(None, 4, ())) == [4]
    assert places((0, 2), Operand(None, 4, (2, 1))) == []


def test_a_launch():
    f64 = np.dtype(np.float64)
    data, out = bytearray(np.arange(6.0).tobytes()), bytearray(48)
    kernel = Map("a * b + index", (Input(f64), Input(f64, True)), f64, f64)
    launch = interpret(kernel, open=lambda buffer: buffer)
    launch((2, 3), Operand(out, 0, (3, 1)), Operand(data, 0, (1, 2)), 10.0)
    assert np.frombuffer(out).tolist() == [0, 21, 42, 13, 34, 55]


def test_indices_are_checked():
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension with size 3"):
        toy.gather(toy.asarray(np.arange(3.0)), 0, toy.asarray(np.array([0, 3])))
