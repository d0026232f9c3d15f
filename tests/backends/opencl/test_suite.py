"""Every op's samples and gradients on the device, against the CPU's; what is a leaf may not run on the host."""

from __future__ import annotations

from typing import Any

import pytest

from facula.backends import backend_for
from facula.ops import OPS
from facula.testing.backend_suite import BackendSuite


@pytest.fixture(autouse=True)
def _no_leaf_runs_on_the_host() -> Any:
    """FACULA_STRICT=1 would refuse what may run there as well: svd, fft and others that are declared so."""
    calls = backend_for("opencl").host_calls
    yield
    assert not [name for name in calls if not OPS[name].host]


class TestOpenCL(BackendSuite):
    device = "opencl"
