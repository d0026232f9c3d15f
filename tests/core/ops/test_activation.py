"""Activations: arrays larger than a cache piece, special values, half precision, in-place forms."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

NAMES = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "sigmoid",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "softplus",
    "softsign",
    "logsigmoid",
    "gelu",
]


def both(function, array, grad=None, **changes):
    """(value, gradient) by facula and by torch."""
    out = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        x = lib.tensor(array, requires_grad=True)
        y = function(functional, x)
        y.backward(lib.tensor(np.ones(tuple(y.shape), array.dtype) if grad is None else grad))
        out.append((y.detach().numpy(), x.grad.numpy()))
    return out


def assert_alike(function, array, tolerance=1e-5, grad=None):
    mine, theirs = both(function, array, grad)
    for a, b in zip(mine, theirs):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, tolerance, tolerance)


def draws(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) * 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transposed", [False, True])
def test_large(name, transposed):
    def run(functional, x):
        return getattr(functional, name)(x.transpose(0, 1) if transposed else x)

    assert_alike(run, draws(300, 200))


def test_gelu_tanh_large():
    assert_alike(lambda functional, x: functional.gelu(x, approximate="tanh"), draws(300, 200))


@pytest.mark.parametrize("name", NAMES)
def test_special_values(name):
    values = np.array([np.inf, -np.inf, 0.0, -0.0, 100, -100], np.float32)
    x = facula.tensor(values[2:])
    expected = getattr(torch.nn.functional, name)(torch.tensor(values[2:])).numpy()
    np.testing.assert_allclose(getattr(F, name)(x).numpy(), expected, 1e-5, 1e-6)
    assert np.isnan(getattr(F, name)(facula.tensor([np.nan])).numpy()).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_large(name, dim):
    grad = draws(40, 30, 60)
    assert_alike(
        lambda functional, x: getattr(functional, name)(x, dim), draws(40, 30, 60), 1e-4, grad
    )


def test_softmax_rows_without_weight_are_nan():
    x = facula.tensor([[-np.inf, -np.inf], [0.0, -np.inf]])
    np.testing.assert_array_equal(F.softmax(x, 1).numpy(), [[np.nan, np.nan], [1, 0]])


def test_softmax_dtype_is_cast_before():
    assert F.softmax(facula.tensor([1, 2]), 0, dtype=facula.float64).dtype is facula.float64
    with pytest.raises(RuntimeError, match="floating"):
        F.softmax(facula.tensor([1, 2]), 0)


def test_inplace():
    x = facula.tensor([-1.0, 2.0])
    assert F.relu(x, inplace=True) is x and x.tolist() == [0.0, 2.0]
    y = facula.tensor([-1.0, 2.0])
    assert y.relu_() is y and y.tolist() == [0.0, 2.0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half(dtype):
    x = draws(30, 40)
    for name in ("gelu", "silu", "softplus"):
        mine = getattr(F, name)(facula.tensor(x).to(getattr(facula, dtype)))
        theirs = getattr(torch.nn.functional, name)(torch.tensor(x).to(getattr(torch, dtype)))
        assert mine.dtype is getattr(facula, dtype)
        np.testing.assert_allclose(mine.float().numpy(), theirs.float().numpy(), 1e-2, 1e-2)


@pytest.mark.parametrize("compiler", [None, "c"])
@pytest.mark.parametrize("dtype", [facula.int32, facula.int64], ids=str)
def test_hardtanh_of_integers_rounds_its_limits(dtype, compiler):
    x = facula.tensor([-3, 2, 1, 0], dtype=dtype)
    for limits, expected in (((), [-1, 1, 1, 0]), ((-0.5, 1.5), [0, 1, 1, 0]), ((-2, 3.7), [-2, 2, 1, 0])):  # fmt: skip

        def limited(x, limits=limits):
            return facula.nn.functional.hardtanh(x, *limits)

        out = (facula.compile(limited, backend=compiler) if compiler else limited)(x)
        assert out.dtype is dtype and out.tolist() == expected


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64"])
@pytest.mark.parametrize(
    "limits",
    [
        (0, np.inf),
        (-np.inf, 0),
        (0, np.nan),
        (),
        (0, 6),
        (0, 300),
        (0, 2.0**64),
        (-0.5, 1.5),
        (-1, -0.5),
        (1, 0),
    ],
    ids=str,
)
def test_hardtanh_of_integers_takes_and_refuses_what_pytorch_does(limits, dtype, compiled):
    found = []
    for lib in (facula, torch):
        x = lib.tensor([3, 1, 0, 100]).to(getattr(lib, dtype))
        hardtanh = lib.nn.functional.hardtanh
        if compiled and lib is facula:
            hardtanh = facula.compile(hardtanh)
        try:
            out = hardtanh(x, *limits)
            found.append((str(out.dtype).split(".")[-1], out.tolist()))
        except (RuntimeError, ValueError) as error:
            found.append(type(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 2.0**70, np.float32(np.inf)], ids=str)
def test_hardtanh_s_error_of_a_limit_without_room_says_so(value):
    limits = (value, 0) if value < 0 else (0, value)
    with pytest.raises(
        RuntimeError, match="value cannot be converted to type int64 without overflow"
    ):
        F.hardtanh(facula.tensor([1]), *limits)
