"""Conversions between dtypes, and rounding: as C casts, and equal to NumPy wherever C defines a result."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from facula.backends import backend_for
from facula.backends.buffer.elements import converter, round_bfloat, round_half, round_single
from facula.dtypes import ALL

NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 65504.0, 65520.0, 1e-8, 6e-8, 3.3895314e38, 1e39, -1e39, math.inf, -math.inf, math.nan,
           2.0**-24, 2.0**-25, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-11, 5e-324]  # fmt: skip


@pytest.mark.parametrize(
    ("rounded", "dtype"),
    [(round_half, np.float16), (round_bfloat, ml_dtypes.bfloat16), (round_single, np.float32)],
)
@pytest.mark.parametrize("x", NUMBERS)
def test_rounding(rounded, dtype, x):
    with np.errstate(all="ignore"):
        expected = float(
            np.float64(x).astype(np.float32).astype(dtype)
            if dtype is not np.float16
            else np.float16(x)
        )
    got = rounded(x)
    assert got == expected or (math.isnan(got) and math.isnan(expected))
    assert math.copysign(1, got) == math.copysign(1, expected) or math.isnan(got)


@pytest.mark.parametrize("source", ALL, ids=lambda d: d.name)
@pytest.mark.parametrize("target", ALL, ids=lambda d: d.name)
def test_cast_between_all_dtypes(source, target):
    toy, host = backend_for("toy"), backend_for("cpu")
    low = 0 if source.name.startswith("u") or source.name == "bool" else -3
    values = np.linspace(low, 100, 12).reshape(3, 4).astype(source.dtype)
    array = toy.cast(toy.permute(toy.asarray(values), (1, 0)), target.dtype)
    assert array.dtype is target.dtype
    np.testing.assert_array_equal(toy.to_numpy(array), host.cast(values.T, target.dtype))


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [("uint8", 300, 44), ("int8", 200, -56), ("uint8", -1.5, 255), ("int32", math.nan, -(2**31)), ("int64", math.inf, -(2**63)),
     ("int64", 1e30, -(2**63)), ("bool", math.nan, True), ("bool", 0j, False), ("uint64", -1, 2**64 - 1)],
)  # fmt: skip
def test_what_does_not_fit(dtype, value, expected):
    assert converter(np.dtype(dtype))(value) == expected
