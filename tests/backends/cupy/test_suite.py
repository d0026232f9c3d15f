"""The CUDA device through the suite that every backend passes; nothing may run on the host."""

import pytest

from facula.testing.backend_suite import BackendSuite


@pytest.fixture(autouse=True)
def _strict(monkeypatch):
    monkeypatch.setenv("FACULA_STRICT", "1")


class TestCuda(BackendSuite):
    device = "cuda"
