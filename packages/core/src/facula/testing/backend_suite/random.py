"""Random numbers: from one seed, the very bits that the CPU draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import backend_for
from facula.testing.backend_suite.comparing import Comparison, judged

DRAWS = {
    "rand": lambda dtype: facula.rand(5, 7, dtype=dtype),
    "randn": lambda dtype: facula.randn(5, 7, dtype=dtype),
    "normal_": lambda dtype: facula.empty(33, dtype=dtype).normal_(1.0, 2.0),
    "uniform_": lambda dtype: facula.empty(33, dtype=dtype).uniform_(-1.0, 3.0),
    "two draws": lambda dtype: facula.stack([facula.rand(3, dtype=dtype), facula.rand(3, dtype=dtype)]),
}  # fmt: skip
OTHER_DRAWS = {
    "randint": lambda: facula.randint(-3, 1000, (40,)),
    "randperm": lambda: facula.randperm(23),
    "bernoulli": lambda: facula.full((64,), 0.3).bernoulli(),
    "dropout": lambda: nn.functional.dropout(facula.ones(8, 8), 0.4),
    "multinomial": lambda: facula.ones(10).multinomial(5),
    "kaiming": lambda: nn.Linear(5, 4).weight.detach(),
}


class RandomBits(Comparison):
    @pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
    @pytest.mark.parametrize("name", DRAWS)
    @judged
    def test_random_bits(self, name: str, dtype: str) -> None:
        if dtype not in backend_for(self.device).dtypes:
            pytest.skip(f"needs {dtype}, which device '{self.device}' cannot hold")
        self._same_bits(lambda: DRAWS[name](facula.dtypes.NAMES[dtype]))

    @pytest.mark.parametrize("name", OTHER_DRAWS)
    @judged
    def test_random_draws(self, name: str) -> None:
        self._same_bits(OTHER_DRAWS[name])

    def _same_bits(self, draw: Any) -> None:
        found = []
        for device in ("cpu", self.device):
            facula.manual_seed(2**40 + 17)
            with facula.device(device):
                found.append([draw().cpu().numpy() for _ in range(2)])
        for expected, got in zip(*found):
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got.tobytes(), expected.tobytes())
