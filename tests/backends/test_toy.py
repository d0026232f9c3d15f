"""The toy device through the suite that every backend passes: values, gradients, smaller dtypes.

Kernels and rules see its raw arrays there, so nothing of NumPy may slip into them.
"""

from __future__ import annotations

from facula.testing.backend_suite import BackendSuite


class TestToy(BackendSuite):
    device = "toy"
