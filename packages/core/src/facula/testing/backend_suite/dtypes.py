"""Every dtype: stored, made, cast and computed with as on the CPU, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.dtypes import ALL, NAMES
from facula.testing.backend_suite.comparing import TOLERANCE, Comparison, judged

NAMES_OF_ALL = [d.name for d in ALL]
#: Values that every dtype can hold, and that stay in range when doubled.
VALUES = np.array([[0, 1, 2], [3, 0, 60]])


class Dtypes(Comparison):
    def _holds(self, dtype: str) -> bool:
        return dtype in backend_for(self.device).dtypes

    @pytest.mark.parametrize("dtype", NAMES_OF_ALL)
    @judged
    def test_dtype(self, dtype: str) -> None:
        if not self._holds(dtype):
            pytest.skip(f"needs {dtype}, which device '{self.device}' cannot hold")

        def use(place: Any) -> Any:
            d, x = NAMES[dtype], place(VALUES, dtype)
            made = facula.full((2, 3), 1, dtype=d), facula.zeros(2, dtype=d), facula.arange(3).to(d)
            stored = x.clone(), x.transpose(0, 1).contiguous(), x[:, ::2], x.reshape(-1).flip(0)
            return (
                *made,
                *stored,
                x + x,
                x * made[0],
                x == made[0],
                facula.where(x == 0, made[0], x),
            )

        self.agree(use, TOLERANCE.get(dtype, 0))

    @pytest.mark.parametrize("dtype", NAMES_OF_ALL)
    @judged
    def test_casts(self, dtype: str) -> None:
        """To every other dtype that the device holds."""
        if not self._holds(dtype):
            pytest.skip(f"needs {dtype}, which device '{self.device}' cannot hold")
        others = [d for d in ALL if self._holds(d.name)]
        self.agree(lambda place: [place(VALUES, dtype).to(d) for d in others])

    @pytest.mark.parametrize("dtype", NAMES_OF_ALL)
    @judged
    def test_missing_dtype_is_refused_by_name(self, dtype: str) -> None:
        if self._holds(dtype):
            return
        elsewhere = facula.zeros(2, dtype=NAMES[dtype])
        on_device = facula.zeros(2, dtype=facula.float32, device=self.device)
        asks: tuple[Callable[[], Any], ...] = (
            lambda: facula.zeros(2, dtype=NAMES[dtype], device=self.device),
            lambda: facula.empty(2, dtype=NAMES[dtype], device=self.device),
            lambda: facula.tensor([1, 0], dtype=NAMES[dtype], device=self.device),
            lambda: elsewhere.to(self.device),
            lambda: on_device.to(NAMES[dtype]),
        )
        for ask in asks:
            with pytest.raises(TypeError, match=f"cannot hold {dtype}; it holds .*float32"):
                ask()
        assert elsewhere.to(self.device, facula.float32).dtype is facula.float32

    @judged
    def test_promotion(self) -> None:
        names = ["bool", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
        held = [n for n in names if self._holds(n)]

        def mix(place: Any) -> Any:
            parts = [place(VALUES, n) for n in held]
            return [a + b for a in parts for b in parts] + [a * 2.5 for a in parts]

        self.agree(mix)

    @judged
    def test_special_values(self) -> None:
        values = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e30]

        def use(place: Any) -> Any:
            x = place(values, "float32")
            return (
                x + 1,
                x * 2,
                1 / x,
                x.abs(),
                x > 0,
                x == x,
                x.isnan(),
                x.max(),
                x.sign(),
                x.sqrt(),
            )

        self.agree(use)
