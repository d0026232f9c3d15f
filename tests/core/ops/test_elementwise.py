"""Elementwise ops: values at the edges, promotion, errors."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
import pytest

import facula
from facula.backends.array.elementwise import powers_base


def test_integer_division_keeps_integers_and_refuses_zero():
    a = facula.tensor([7, -7])
    assert (a // 2).tolist() == [3, -4]
    assert facula.div(a, 2, rounding_mode="trunc").tolist() == [3, -3]
    assert (a % 3).tolist() == [1, 2]
    assert facula.fmod(a, 3).tolist() == [1, -1]
    with pytest.raises(RuntimeError, match="divided by 0"):
        a // 0
    with pytest.raises(RuntimeError, match="rounding_mode"):
        facula.div(a, 2, rounding_mode="up")


def test_scalars_do_not_widen():
    half = facula.tensor([1.0], dtype=facula.bfloat16)
    assert (half * 2.5).dtype is facula.bfloat16
    assert facula.where(facula.tensor([True]), half, 1.0).dtype is facula.bfloat16
    assert facula.clamp(facula.tensor([1, 5]), max=2.5).dtype is facula.float32
    assert (
        facula.logaddexp(facula.tensor([1.0], dtype=facula.float64), facula.tensor(2.0)).dtype
        is facula.float64
    )


@pytest.mark.parametrize("kind", [np.float64, np.complex128, IntEnum("Side", "LEFT RIGHT")])
def test_classes_derived_from_pythons_numbers_are_as_these(kind):
    number, x = kind(2), facula.tensor([2, 3])
    plain = next(k(number) for k in (int, float, complex) if isinstance(number, k))
    for got, expected in ((x * number, x * plain), (number + x, plain + x), (x.float() ** number, x.float() ** plain)):  # fmt: skip
        assert got.dtype is expected.dtype
        assert got.tolist() == expected.tolist()


def test_integer_powers():
    base = facula.tensor([1, -1, 2])
    assert facula.pow(base, facula.tensor([-1, -3, -1])).tolist() == [1, -1, 0]
    with pytest.raises(RuntimeError, match="negative integer powers"):
        base**-1


class _Unread(np.ndarray):
    def __eq__(self, other):
        raise AssertionError("the exponents are looked at")


@pytest.mark.parametrize(
    ("base", "shape"), [(None, (4, 6)), (None, (6,)), (2.0, (6,)), (2.0, (1,)), (-3, ())], ids=str
)
def test_exponents_are_looked_at_only_where_a_root_may_be_taken(base, shape):
    exponent = np.full(shape, 3, np.float32)
    base = np.full(shape, -2, np.float32) if base is None else base
    assert powers_base(np, base, exponent.view(_Unread)) is base


def _spread(base, shape):
    return np.lib.stride_tricks.as_strided(np.full(2, 0.5, base.dtype), shape, [0] * len(shape))


EXPONENTS = {
    "0-d": lambda x: np.array(0.5, x.dtype),
    "each": lambda x: np.full(x.shape, 0.5, x.dtype),
    "turned": lambda x: np.full(x.shape[::-1], 0.5, x.dtype).T,
    "sliced": lambda x: np.full([2 * n for n in x.shape], 0.5, x.dtype)[(np.s_[::2],) * x.ndim],
    "expanded": lambda x: _spread(x, x.shape),
    "columns": lambda x: np.full_like(x[..., :1] if x.ndim else x, 0.5),
    "more": lambda x: np.full((3, *x.shape), 0.5, x.dtype),
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (1, 5), (5, 1), (2, 1, 3), (2, 40000)], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", EXPONENTS)
def test_tensors_of_a_half_raise_infinity_as_c_does(kind, shape, dtype):
    for base, expected in ((-np.inf, np.inf), (-0.0, 0.0)):
        array = np.full(shape, base, dtype)
        exponent = facula.from_numpy(np.asarray(EXPONENTS[kind](array)))
        for given in (facula.from_numpy(array), base):
            out = np.asarray((given**exponent).numpy())
            assert (out == expected).all() and not np.signbit(out).any()


@pytest.mark.parity
@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("kind", ["number", "0-d", "one", "each"])
@pytest.mark.parametrize("exponent", [0.5, -0.5, 2.0, 3.0, -1.0, 0.0, math.inf, math.nan])
def test_powers_of_special_values_are_pytorchs(exponent, kind, place):
    import torch

    base = np.array([-np.inf, np.inf, -0.0, 0.0, -2, 2, np.nan, -1, 1], np.float32)
    found = []
    for lib in (facula, torch):
        device = "toy" if lib is facula and place == "toy" else "cpu"
        x = lib.tensor(base, device=device, requires_grad=True)
        shape = {"0-d": (), "one": (1,), "each": (9,)}.get(kind)
        power = exponent if shape is None else lib.full(shape, exponent, device=device)
        raised = facula.compile(lib.pow, backend="c") if place == "c" and lib is facula else lib.pow
        out = raised(x, power)
        (slope,) = lib.autograd.grad(out.sum(), x)
        found.append([a.detach().cpu().numpy() for a in (out, slope)])
        if kind == "0-d":
            ones = [raised(x[i].detach(), power).item() for i in range(3)]
            np.testing.assert_array_equal(ones, found[-1][0][:3])
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
        zeros = theirs == 0
        assert (np.signbit(mine) == np.signbit(theirs))[zeros].all()


@pytest.mark.parity
@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("exponent", [0.5, -0.5])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_to_a_half_are_pytorchs(dtype, exponent, place):
    import torch

    found = []
    for lib in (facula, torch):
        device = "toy" if lib is facula and place == "toy" else "cpu"
        x = lib.tensor([-math.inf, math.inf, -0.0, 0.0, -2, 2, math.nan], dtype=getattr(lib, dtype)).to(device)  # fmt: skip
        compiled = place == "c" and lib is facula
        out = (facula.compile(lib.pow, backend="c") if compiled else lib.pow)(x, exponent)
        assert out.dtype is x.dtype
        found.append(out.float().tolist())
    assert str(found[0]) == str(found[1])  # a NaN equals a NaN, and 0.0 differs from -0.0


def test_power_gradient_at_zero():
    x = facula.tensor([0.0, 2.0], requires_grad=True)
    e = facula.tensor([2.0, 0.0], requires_grad=True)
    gx, ge = facula.autograd.grad((x**e).sum(), (x, e))
    assert gx.tolist() == [0.0, 0.0]
    np.testing.assert_allclose(ge.numpy(), [0.0, math.log(2)], rtol=1e-6)


def test_operators_with_numbers_on_the_left():
    x = facula.tensor([2.0, 4.0])
    assert (1 - x).tolist() == [-1.0, -3.0]
    assert (8 / x).tolist() == [4.0, 2.0]
    assert (2**x).tolist() == [4.0, 16.0]
    assert facula.Tensor.__rsub__(x, 2).tolist() == [0.0, -2.0]


@pytest.mark.parametrize("name", ["asinh", "sinh", "expm1", "log1p", "tanh"])
def test_small_numbers_keep_their_digits(name):
    x = np.array([1e-12, -3e-9, 1e-3])
    np.testing.assert_allclose(
        getattr(facula, name)(facula.tensor(x)).numpy(),
        getattr(np, name.replace("asinh", "arcsinh"))(x),
        rtol=1e-14,
    )


def test_logaddexp_of_infinities():
    inf = math.inf
    a, b = facula.tensor([inf, -inf, inf]), facula.tensor([inf, -inf, -inf])
    assert facula.logaddexp(a, b).tolist() == [inf, -inf, inf]


def test_round_halves_to_even_and_decimals():
    assert facula.round(facula.tensor([0.5, 1.5, 2.5])).tolist() == [0.0, 2.0, 2.0]
    np.testing.assert_allclose(
        facula.round(facula.tensor([1.2345]), decimals=2).numpy(), [1.23], rtol=1e-6
    )


def test_numbers_where_tensors_are_wanted():
    with pytest.raises(TypeError, match="must be Tensor, not float"):
        facula.maximum(facula.tensor([1.0]), 2.0)
    with pytest.raises(TypeError, match="must be Tensor"):
        facula.pow(2, 3)


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
def test_bools_have_no_remainder(name):
    """As in PyTorch. NumPy makes int8 of them, a compiled program made bool."""
    function, bools = getattr(facula, name), facula.tensor([True, False])
    for other in (facula.tensor([True, True]), True):
        with pytest.raises(RuntimeError, match=f"{name}: not defined for bool tensors"):
            function(bools, other)
    assert function(bools, 2).dtype is facula.int64
    with pytest.raises(RuntimeError, match="not defined for bool tensors"):
        facula.div(bools, bools, rounding_mode="trunc")


#: What PyTorch's gradients are where a formula has no number, or the wrong one.
NAN, INF = math.nan, math.inf
EDGES = {
    "maximum": (lambda lib, a, b: lib.maximum(a, b), [0.0, NAN, 1.0, 2.0], [0.0, 1.0, NAN, 5.0]),
    "minimum": (lambda lib, a, b: lib.minimum(a, b), [0.0, NAN, 1.0, 2.0], [0.0, 1.0, NAN, 5.0]),
    "atan2": (lambda lib, a, b: lib.atan2(a, b), [0.0, -0.0, 1.0, NAN], [0.0, 0.0, 0.0, 1.0]),
    "sinc": (lambda lib, a: lib.sinc(a), [1e-40, 1e-25, 0.0, 0.5, -3.0]),
    "acosh": (lambda lib, a: lib.acosh(a).abs(), [-1 + 2j, -1 - 2j, 2 + 0.5j]),
    "logcumsumexp": (lambda lib, a: lib.logcumsumexp(a, 0), [1.0, 2.0, NAN, 1.0]),
    "logsumexp": (lambda lib, a: lib.logsumexp(a, 0), [[1.0, 2.0, 3.0], [NAN, INF, -INF]]),
    "float_power": (lambda lib, a: lib.float_power(a, 0.5), [-INF, -0.0, 4.0]),
}


@pytest.mark.parity
@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("name", EDGES)
def test_values_and_gradients_at_the_edges(name, place):
    import torch

    function, *operands = EDGES[name]
    found = []
    for lib in (facula, torch):
        mine = lib is facula
        dtype = lib.complex64 if name == "acosh" else lib.float32
        device = "toy" if mine and place == "toy" else "cpu"
        inputs = [lib.tensor(a, dtype=dtype, device=device).requires_grad_() for a in operands]

        def call(*arrays, lib=lib):
            return function(lib, *arrays)

        out = (facula.compile(call, backend="c") if mine and place == "c" else call)(*inputs)
        slopes = lib.autograd.grad(out.sum(), inputs)
        found.append([x.detach().cpu().numpy() for x in (out, *slopes)])
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_limits_and_neighbours_of_halves_are_their_own(dtype):
    import torch

    found = []
    for lib in (facula, torch):
        kind = getattr(lib, dtype)
        x = lib.tensor([math.inf, -math.inf, math.nan, 1.0, 0.0], dtype=kind)
        towards = lib.tensor([0.0, 0.0, 0.0, 3.0, -1.0], dtype=kind)
        found.append([y.float().tolist() for y in (lib.nan_to_num(x), lib.nextafter(x, towards))])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("numbers", [(1, 2), (0, True), (True, False), (1, 2.5), (1, 2j)], ids=str)
def test_a_choice_of_two_numbers_has_their_dtype(numbers):
    chosen = facula.where(facula.tensor([True, False]), *numbers)
    assert chosen.dtype is facula.tensor(list(numbers)).dtype
    assert chosen.tolist() == list(numbers)


def test_float_power_of_uint8_to_a_negative_number():
    assert facula.tensor([2, 4], dtype=facula.uint8).float_power(-1).tolist() == [0.5, 0.25]
