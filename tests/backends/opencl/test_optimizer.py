"""Optimizer updates in place, both kernel families, against the NumPy device's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import optimizer

CPU = backend_for("cpu")


def run(xp: Any, name: str, arrays: list[Any], rates: list[Any]) -> None:
    """The update on `xp` and on the CPU; all arrays, written or not, are then equal."""
    on = [None if a is None else xp.asarray(a) for a in arrays]
    expected = [None if a is None else a.copy() for a in arrays]
    for _ in range(3):
        optimizer.INPLACE[name](xp, *on, *rates)
        CPU.inplace_kernels[name](*expected, *rates)
    for got, wanted in zip(on, expected, strict=True):
        if wanted is not None:
            close = {"float32": 1e-5, "float64": 1e-12, "float16": 2e-3}[wanted.dtype.name]
            np.testing.assert_allclose(xp.to_numpy(got), wanted, rtol=close, atol=close)
    assert not np.array_equal(xp.to_numpy(on[0]), arrays[0])


def arrays(count: int, size: int, dtype: str = "float32") -> list[Any]:
    random = np.random.default_rng(size)
    return [np.abs(random.standard_normal(size)).astype(dtype) for _ in range(count)]


SIZES = [1, 17, 4096, 10_001]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("size", SIZES)
def test_sgd(xp: Any, size: int, decay: float) -> None:
    run(xp, "sgd_update", arrays(2, size), [0.1, decay, decay != 0])


@pytest.mark.parametrize(("nesterov", "first"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", SIZES)
def test_momentum(xp: Any, size: int, nesterov: bool, first: bool) -> None:
    rates = [0.1, 0.01, 0.9, 0.0 if nesterov else 0.2, True, nesterov, first]
    run(xp, "momentum_update", arrays(3, size), rates)


@pytest.mark.parametrize("step", [1.0, 1000.0])
@pytest.mark.parametrize(("decay", "decoupled"), [(0.0, False), (0.1, False), (0.1, True)])
@pytest.mark.parametrize("size", SIZES)
def test_adam(xp: Any, size: int, decay: float, decoupled: bool, step: float) -> None:
    for largest in (None, arrays(1, size)[0]):
        inputs = [*arrays(4, size), largest, np.array(step, np.float32)]
        rates = [0.1, 0.9, 0.999, 1e-8, decay, decay != 0, decoupled]
        run(xp, "adam_update", inputs, rates)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_dtypes_take_the_formula(xp: Any, dtype: str) -> None:
    run(xp, "sgd_update", arrays(2, 9, dtype), [0.1, 0.1, True])
    inputs = [*arrays(4, 9, dtype), None, np.array(3, dtype)]
    run(xp, "adam_update", inputs, [0.1, 0.9, 0.99, 1e-4, 0.1, True, True])


def test_a_part_of_an_array_is_written_where_it_is(xp: Any) -> None:
    whole, grad = np.arange(12, dtype=np.float32).reshape(3, 4), np.ones((3, 2), np.float32)
    on = xp.asarray(whole)
    optimizer.sgd_update(xp, xp.slice(on, 1, 1, 3, 1), xp.asarray(grad), 0.5, 0.0, False)
    whole[:, 1:3] -= 0.5
    assert np.array_equal(xp.to_numpy(on), whole)
