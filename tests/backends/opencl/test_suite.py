"""Every op's samples and gradients on the device, against the CPU's; nothing may run on the host."""

from __future__ import annotations

from typing import Any

import pytest

from facula.testing.backend_suite import BackendSuite


@pytest.fixture(autouse=True)
def _strict(monkeypatch: Any) -> None:
    monkeypatch.setenv("FACULA_STRICT", "1")


class TestOpenCL(BackendSuite):
    device = "opencl"
