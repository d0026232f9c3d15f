"""The printed C, compiled and run: the suite that every backend passes, on the device 'c'."""

from __future__ import annotations

import pytest

from facula.testing import c_device
from facula.testing.backend_suite import BackendSuite

pytestmark = pytest.mark.skipif(c_device.compiler() is None, reason="needs a C compiler")


class TestC(BackendSuite):
    device = "c"
