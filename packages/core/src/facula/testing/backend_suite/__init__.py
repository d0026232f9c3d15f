"""The tests that every backend passes, for plug-in authors to run (with pytest, which must be installed).

    pytest --facula-backend=mine                       # everything, and a readiness table at the end
    pytest --facula-backend=mine -m facula_required    # what a device must do itself
    pytest --facula-backend=mine -k "softmax or matmul"

Each op's samples give the same results there as on the CPU, the same gradients of first and second
order, and in float32, bfloat16 and float16 the same dtypes and values to their precision; views, writes,
indexing, dtypes, random bits, errors, memory, threads, the training of three small models and captured programs follow.
A device that cannot hold float64 gets samples in float32, and what it lacks is reported, not failed.

As part of a package's own tests:

    # tests/test_my_device.py
    from facula.testing.backend_suite import BackendSuite

    class TestMyDevice(BackendSuite):
        device = "mine"

A required leaf that `facula report mine` calls missing runs on the host, and is reported as an expected
failure that names it. With FACULA_STRICT=1 nothing runs on the host.
"""

from __future__ import annotations

from facula.testing.backend_suite.comparing import TOLERANCE, Comparison
from facula.testing.backend_suite.compiled import Compiled
from facula.testing.backend_suite.dtypes import Dtypes
from facula.testing.backend_suite.errors import Errors
from facula.testing.backend_suite.indexing import Indexing
from facula.testing.backend_suite.inplace import Inplace
from facula.testing.backend_suite.memory import Memory
from facula.testing.backend_suite.random import RandomBits
from facula.testing.backend_suite.samples import Samples
from facula.testing.backend_suite.threads import Threads
from facula.testing.backend_suite.training import Training
from facula.testing.backend_suite.views import Views

__all__ = ["TOLERANCE", "BackendSuite", "Comparison"]


class BackendSuite(
    Samples,
    Views,
    Inplace,
    Indexing,
    Dtypes,
    RandomBits,
    Errors,
    Memory,
    Threads,
    Training,
    Compiled,
):
    """Compares `device` with the CPU. Subclass it in a test file, with `device` set."""
