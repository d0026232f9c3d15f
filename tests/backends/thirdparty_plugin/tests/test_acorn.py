"""The suite that Facula has for every backend."""

from facula.testing.backend_suite import BackendSuite


class TestAcorn(BackendSuite):
    device = "acorn"
