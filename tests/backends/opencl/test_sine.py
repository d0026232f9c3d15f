"""Own sine and cosine against float64, to 2 units in the last place."""

from __future__ import annotations

import numpy as np
import pytest

from facula.backends.registry import backend_for
from facula_opencl.kernels import sine


@pytest.fixture
def device():
    found = backend_for("opencl")
    if not sine._suits(found):
        pytest.skip("these kernels are for CPU-type devices with float64")
    return found


def arguments():
    random = np.random.default_rng(0)
    quarters = (np.arange(-20_000, 20_000) * (np.pi / 2)).astype(np.float32)
    beside = [quarters, np.nextafter(quarters, np.float32(np.inf)), np.nextafter(quarters, np.float32(-np.inf))]  # fmt: skip
    spread = random.standard_normal(50_000) * 10.0 ** random.uniform(-30, 4.4, 50_000)
    large = [3e4, 32768, 32769, 1e6, 3e38, -1e20, 1e-40, -1e-45]
    return np.concatenate([*beside, spread.astype(np.float32), np.float32(large)])


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_at_most_two_units_off(device, name):
    x = arguments()
    exact = getattr(np, name)(x.astype(np.float64))
    got = device.to_numpy(sine.LEAVES[name](device, device.asarray(x)))
    units = np.abs(got - exact) / np.spacing(np.maximum(np.abs(exact), 1e-38).astype(np.float32))
    assert units.max() <= 2, (x[units.argmax()], units.max())


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_special_values(device, name):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0], np.float32)
    with np.errstate(invalid="ignore"):
        expected = getattr(np, name)(x)
    for values, wanted in ((x, expected), (x[[0, 1, 4, 5]], expected[[0, 1, 4, 5]])):
        got = device.to_numpy(sine.LEAVES[name](device, device.asarray(values)))
        np.testing.assert_allclose(got, wanted, rtol=2e-7)
        assert np.array_equal(np.signbit(got[:2]), np.signbit(wanted[:2]))


def test_what_these_kernels_do_not_take(device, monkeypatch):
    assert sine.LEAVES["sin"](device, device.asarray(np.ones(3))) is NotImplemented
    monkeypatch.setattr(device, "is_cpu", False)
    assert sine.LEAVES["sin"](device, device.asarray(np.ones(3, np.float32))) is NotImplemented
