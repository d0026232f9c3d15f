"""What `pytest --facula-backend=NAME` runs: the suite on that device."""

from __future__ import annotations

from typing import Any

import pytest

from facula.testing.backend_suite import BackendSuite


class TestBackend(BackendSuite):
    @pytest.fixture(autouse=True)
    def _named_device(self, request: Any) -> None:
        self.device = request.config.getoption("--facula-backend")
        if self.device is None:
            pytest.skip("no device was named: run with --facula-backend=NAME")
