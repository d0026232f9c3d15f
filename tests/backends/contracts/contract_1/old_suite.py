"""Frozen with `old_plugin.py`: how its author runs the suite."""

from facula.testing.backend_suite import BackendSuite


class TestOldRaw(BackendSuite):
    device = "oldraw"


class TestOldArray(BackendSuite):
    device = "oldarray"
    slack = 1e-6
