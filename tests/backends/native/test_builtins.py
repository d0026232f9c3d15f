"""Kernels that are builtins of Python: what they do, what they pass on to the kernel in Python, and what they hold."""

import sys
import weakref

import numpy as np
import pytest

from facula.dtypes import F32
from facula.graph.runtime.calls import is_laid_out_as_expected
from facula_native import builtins

pytestmark = pytest.mark.skipif(not is_laid_out_as_expected(), reason="there are no builtins")
random = np.random.default_rng(5)
PASSED_ON = object()


def drawn(*shape):
    return random.normal(size=shape).astype(F32)


def linear(x, w, b):
    product = x.astype(np.float64) @ w.T.astype(np.float64)
    return (product if b is None else product + b,)


def layer_norm(x, shape, w, b, eps):
    wide = x.astype(np.float64)
    mean, rstd = wide.mean(-1, keepdims=True), 1 / np.sqrt(wide.var(-1, keepdims=True) + eps)
    return ((wide - mean) * rstd * (1 if w is None else w) + (0 if b is None else b), mean, rstd)


X, W, B, V = drawn(2, 1, 70), drawn(90, 70), drawn(90), drawn(70)
WITH_NAN = np.where(np.arange(70) == 3, F32.type(np.nan), X[0])
OTHER = type("Other", (np.ndarray,), {})

DONE = [
    ("product", "linear", linear, (X, W, B)),
    ("product", "linear", linear, (X[0], W, None)),
    ("product", "linear", linear, (X[:, 0], W[::3, ::-1], B[:30])),
    ("product", "linear", linear, (drawn(90, 4, 70).swapaxes(0, 1).copy(), drawn(900, 70), drawn(900))),
    ("product", "linear", linear, (drawn(1, 300), drawn(400, 300), drawn(400))),
    ("product", "linear", linear, (WITH_NAN, W, B)),
    ("rows", "native_layer_norm", layer_norm, (X, (70,), V, V[::-1].copy(), 1e-5)),
    ("rows", "native_layer_norm", layer_norm, (drawn(40, 5, 70), (70,), None, V, 1e-3)),
    ("rows", "native_layer_norm", layer_norm, (V, (70,), V, None, 1e-5)),
    ("rows", "native_layer_norm", layer_norm, (WITH_NAN, (70,), None, None, 1e-5)),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "name", "expected", "args"), DONE)
def test_what_is_done(unit, name, expected, args):
    def below(*args):
        raise AssertionError("it was passed on")

    call = builtins.builtin(unit, name, below)
    out = call(*args)
    for made, wanted in zip(
        out if isinstance(out, tuple) else (out,), expected(*args), strict=True
    ):
        assert type(made) is np.ndarray and made.dtype is F32 and made.flags.c_contiguous
        np.testing.assert_allclose(made, wanted, rtol=1e-5, atol=3e-5)


@pytest.mark.parametrize(
    ("unit", "name", "args"),
    [
        ("product", "linear", (X, W)),
        ("product", "linear", (X.astype(np.float64), W, B)),
        ("product", "linear", (X, W.astype(np.float16), B)),
        ("product", "linear", (X, W, B.astype(np.int64))),
        ("product", "linear", (X[..., :69], W, B)),
        ("product", "linear", (X, W, B[:1])),
        ("product", "linear", (X, W, drawn(180)[::2])),
        ("product", "linear", (X, V, None)),
        ("product", "linear", (V, W, B)),
        ("product", "linear", (drawn(2, 3, 140)[..., ::2], W, B)),
        ("product", "linear", (X[:0], W, B)),
        ("product", "linear", (drawn(2, 0), drawn(3, 0), None)),
        ("product", "linear", (X.reshape(1, 1, 1, 1, 1, 1, 1, 2, 70), W, B)),
        ("product", "linear", (X.view(OTHER), W, B)),
        ("product", "linear", (X, W, 1.0)),
        ("rows", "native_layer_norm", (X.astype(np.float64), (70,), V, V, 1e-5)),
        ("rows", "native_layer_norm", (X, (1, 70), None, None, 1e-5)),
        ("rows", "native_layer_norm", (X, (71,), None, None, 1e-5)),
        ("rows", "native_layer_norm", (X, (70 + 2**64,), None, None, 1e-5)),
        ("rows", "native_layer_norm", (X, [70], None, None, 1e-5)),
        ("rows", "native_layer_norm", (X, (70,), V[:1], None, 1e-5)),
        ("rows", "native_layer_norm", (X, (70,), None, V.astype(np.float64), 1e-5)),
        ("rows", "native_layer_norm", (X[..., ::2], (35,), None, None, 1e-5)),
        ("rows", "native_layer_norm", (X, (70,), None, None, 0)),
        ("rows", "native_layer_norm", (X, (), None, None, 1e-5)),
        ("rows", "native_layer_norm", (F32.type(1), (), None, None, 1e-5)),
    ],
)  # fmt: skip
def test_what_is_passed_on(unit, name, args):
    got = []
    assert builtins.builtin(unit, name, lambda *a: got.append(a) or PASSED_ON)(*args) is PASSED_ON
    assert len(got[0]) == len(args) and all(a is b for a, b in zip(got[0], args))


def test_an_error_of_the_kernel_passes():
    with pytest.raises(ZeroDivisionError):
        builtins.builtin("product", "linear", lambda *args: 1 // 0)(V, W, B)


@pytest.mark.parametrize(("unit", "name", "expected", "args"), DONE[::3])
def test_nothing_is_held_afterwards(unit, name, expected, args):
    call = builtins.builtin(unit, name, None)
    out = call(*args)
    made = [weakref.ref(x) for x in (out if isinstance(out, tuple) else (out,))]
    del out
    assert [ref() for ref in made] == [None] * len(made)
    before = [sys.getrefcount(x) for x in (F32, np.ndarray, None, call, *args)]
    for _ in range(500):
        call(*args)
    after = [sys.getrefcount(x) for x in (F32, np.ndarray, None, call, *args)]
    assert all(abs(a - b) < 100 for a, b in zip(after, before))


def test_other_providers_keep_their_place():
    class Backend:
        pass

    backend, kernel = Backend(), lambda *args: None
    backend.linear = above = lambda *args: kernel(*args)
    builtins.exchange(backend, "product", "linear", kernel)
    assert backend.linear is above
    backend.linear = kernel
    builtins.exchange(backend, "product", "linear", kernel)
    assert type(backend.linear) is type(len) and backend.linear.__self__ is kernel
