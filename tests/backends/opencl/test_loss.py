"""Cross entropy with class numbers, both kernel families, against the NumPy device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import loss

CPU = backend_for("cpu")


def scores(rows: int, classes: int) -> tuple[Any, Any]:
    random = np.random.default_rng(rows * classes)
    x = (random.standard_normal((rows, classes)) * 5).astype(np.float32)
    return x, random.integers(0, classes, rows)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (33, 16), (300, 65), (7, 5000)], ids=str)
def test_values_and_gradient(xp: Any, shape: Any, reduction: str) -> None:
    x, target = scores(*shape)
    if shape[0] > 2:
        target[::3] = -100
    options = [None, -100, reduction, 0.0]
    expected, *sums = CPU.class_cross_entropy(x, target, *options)
    on_x, on_target = xp.asarray(x), xp.asarray(target)
    got = loss.class_cross_entropy(xp, on_x, on_target, *options)
    np.testing.assert_allclose(xp.to_numpy(got[0]), expected, rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(got[1:], sums):
        np.testing.assert_allclose(xp.to_numpy(mine), theirs, rtol=1e-5, atol=1e-5)
    g = np.random.default_rng(0).standard_normal(expected.shape).astype(np.float32)
    back = (None, *sums, -100, reduction, 0.0)
    expected = CPU.class_cross_entropy_gradient(g, x, target, *back)
    on_g = xp.asarray(np.asarray(g))
    back = (None, *map(xp.asarray, sums), *back[3:])
    got = loss.class_cross_entropy_gradient(xp, on_g, on_x, on_target, *back)
    np.testing.assert_allclose(xp.to_numpy(got), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [5, -1])
def test_a_class_out_of_range(xp: Any, bad: int) -> None:
    x, target = scores(4, 5)
    target[2] = bad
    result = loss.class_cross_entropy(xp, xp.asarray(x), xp.asarray(target), None, -100, "mean", 0.0)  # fmt: skip
    with pytest.raises(IndexError, match=f"{bad}.*5"):
        xp.to_numpy(result[0])
    assert np.isfinite(xp.to_numpy(result[0]))  # said once


def test_what_is_left_to_the_formula(xp: Any) -> None:
    x, target = (xp.asarray(a) for a in scores(4, 5))
    weight = xp.asarray(np.ones(5, np.float32))
    options = [(weight, -100, "mean", 0.0), (None, -100, "mean", 0.1)]
    for option in options:
        assert loss.class_cross_entropy(xp, x, target, *option) is NotImplemented
