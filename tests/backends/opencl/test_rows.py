"""Softmax, norms and elementwise formulas, both kernel families, against the NumPy device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import activation, layer_norm, softmax

CPU = backend_for("cpu")
#: Rows shorter and longer than a vector, not whole vectors, many, one.
SHAPES = [(7, 5), (3, 100), (40, 16), (2, 3, 1000), (1, 1), (300, 33)]


def values(shape: Any, seed: int = 0, scale: float = 3) -> Any:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def check(xp: Any, got: Any, expected: Any, close: float = 1e-5) -> None:
    several = isinstance(expected, tuple)
    for a, b in zip(got if several else [got], expected if several else [expected], strict=True):
        a, b = xp.to_numpy(a), np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=close, atol=close * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax(xp: Any, shape: Any, name: str) -> None:
    x, g, dim = values(shape), values(shape, 1), len(shape) - 1
    expected = getattr(CPU, name)(x, dim)
    check(xp, softmax.LEAVES[name](xp, xp.asarray(x), dim), expected)
    got = softmax.LEAVES[f"{name}_gradient"](xp, xp.asarray(g), xp.asarray(expected), dim)
    check(xp, got, getattr(CPU, f"{name}_gradient")(g, expected, dim))


def test_softmax_of_infinities_and_large_numbers(xp: Any) -> None:
    x = np.array([[1e30, 0, -np.inf, 3], [-np.inf, 2, 2, 2], [-500, -501, -900, -500]], np.float32)
    check(xp, softmax.softmax(xp, xp.asarray(x), 1), CPU.softmax(x, 1), 1e-6)
    x[0, 2] = np.nan
    got = xp.to_numpy(softmax.softmax(xp, xp.asarray(x), 1))
    assert np.isnan(got[0]).all() and np.isfinite(got[1:]).all()


def test_rows_of_a_part_of_an_array(xp: Any) -> None:
    x = values((6, 40))
    part = xp.slice(xp.slice(xp.asarray(x), 0, 1, 5, 2), 1, 3, 36, 1)
    check(xp, softmax.softmax(xp, part, 1), CPU.softmax(x[1:5:2, 3:36], 1))
    check(xp, activation.gelu(xp, part), CPU.gelu(x[1:5:2, 3:36], "none"))


@pytest.mark.parametrize("affine", ["", "w", "wb"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_norms(xp: Any, shape: Any, affine: str) -> None:
    x, g, n = values(shape) + 1, values(shape, 1), shape[-1:]
    w, b = (values(n, seed) if name in affine else None for seed, name in enumerate("wb", 2))
    on_x, on_g = xp.asarray(x), xp.asarray(g)
    on_w, on_b = (None if t is None else xp.asarray(t) for t in (w, b))
    expected = CPU.native_layer_norm(x, n, w, b, 1e-5)
    check(xp, layer_norm.native_layer_norm(xp, on_x, n, on_w, on_b, 1e-5), expected)
    check(xp, layer_norm.rms_norm_fused(xp, on_x, on_w, 1, 1e-5), CPU.rms_norm_fused(x, w, 1, 1e-5))
    mean, rstd = (np.asarray(t) for t in expected[1:])
    got = layer_norm.layer_norm_gradient(xp, on_g, on_x, xp.asarray(mean), xp.asarray(rstd), on_w, 1)  # fmt: skip
    check(xp, got, CPU.layer_norm_gradient(g, x, mean, rstd, w, 1), 1e-4)


def test_layer_norm_over_two_dimensions(xp: Any) -> None:
    x, w = values((5, 3, 7)), values((3, 7), 1)
    got = layer_norm.native_layer_norm(xp, xp.asarray(x), (3, 7), xp.asarray(w), None, 1e-5)
    check(xp, got, CPU.native_layer_norm(x, (3, 7), w, None, 1e-5))


def test_a_large_mean_does_not_drown_the_variance(xp: Any) -> None:
    x = values((4, 1000), scale=1) + np.float32(10000)
    out = layer_norm.native_layer_norm(xp, xp.asarray(x), (1000,), None, None, 0.0)[0]
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(1, keepdims=True)) / exact.std(1, keepdims=True)
    np.testing.assert_allclose(xp.to_numpy(out), exact, atol=2e-3)


@pytest.mark.parametrize("size", [1, 15, 16, 4096, 10_001])
@pytest.mark.parametrize("name", [*activation.FORMULAS, *activation.GRADIENTS])
def test_elementwise(xp: Any, name: str, size: int) -> None:
    x, g = values(size), values(size, 1)
    x = np.abs(x) if name.startswith("log") else x
    function, _, way = name.removesuffix("_gradient").partition("_")
    options = [way] if way else []
    arrays, suffix = ([g, x], "_gradient") if name in activation.GRADIENTS else ([x], "")
    kernel = activation.LEAVES[function + suffix]
    expected = getattr(CPU, function + suffix)(*arrays, *options)
    check(xp, kernel(xp, *map(xp.asarray, arrays), *options), expected, 2e-6)


@np.errstate(all="ignore")
@pytest.mark.parametrize("name", [*activation.PLAIN, "sigmoid", "silu", "gelu"])
def test_elementwise_of_special_values(xp: Any, name: str) -> None:
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 1e38, -1, 1], np.float32)
    x = np.abs(x) if name.startswith("log") else x
    check(xp, activation.LEAVES[name](xp, xp.asarray(x)), getattr(CPU, name)(x))


def test_what_these_kernels_do_not_take(xp: Any) -> None:
    for x in (np.ones((0, 3), np.float32), np.ones((2, 3), np.float64)):
        x = xp.asarray(x)
        assert softmax.softmax(xp, x, 1) is NotImplemented
        assert layer_norm.native_layer_norm(xp, x, (3,), None, None, 0.1) is NotImplemented
        assert activation.gelu(xp, x) is NotImplemented
    assert softmax.softmax(xp, xp.asarray(values((2, 3))), 0) is NotImplemented
