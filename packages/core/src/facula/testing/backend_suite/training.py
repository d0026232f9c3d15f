"""Three small models: their losses, parameters and statistics are the CPU's, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from facula.testing.backend_suite.comparing import Comparison, judged
from facula.testing.backend_suite.models import MODELS, made, train


class Training(Comparison):
    @pytest.mark.parametrize("name", MODELS)
    @judged
    def test_training(self, name: str) -> None:
        (expected, state), (losses, got) = (
            train(name, made(name, device), device) for device in ("cpu", self.device)
        )
        slack = self.slack
        np.testing.assert_allclose(losses, expected, rtol=1e-5 + slack)
        assert got.keys() == state.keys()
        for key, value in got.items():
            np.testing.assert_allclose(
                value, state[key], rtol=1e-4 + slack, atol=1e-5 + slack, err_msg=key
            )
