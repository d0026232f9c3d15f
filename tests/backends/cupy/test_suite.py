"""The CUDA device through the suite that every backend passes."""

from facula.testing.backend_suite import BackendSuite


class TestCuda(BackendSuite):
    device = "cuda"
