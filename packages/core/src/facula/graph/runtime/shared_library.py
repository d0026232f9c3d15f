"""The one pool of threads, and the matrix product, that all generated C of a process shares."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from facula.graph.runtime.unit import load


@cache
def shared_library() -> ctypes.CDLL:
    """A library with `run(body, context, threads)`, `barrier()` and `gemm`.

    `run` calls `void body(void *context, int thread)` once per thread, within which `barrier` waits for all.
    Raises CompilerMissing where there is no C compiler.
    """
    here = Path(__file__)
    source = "".join(here.with_name(name).read_text() for name in ("pool.c", "gemm.c"))
    library = load(source, "-ffp-contract=fast", "-pthread")
    library.run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    return library
