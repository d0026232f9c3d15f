"""Where OpenBLAS is: the optional library of products for CPUs on which the built-in's are slower (PyPI: scipy-openblas32)."""

from __future__ import annotations

import os

from facula.graph.runtime.wheel import library_of

#: What `openblas_open` of openblas.c returns, from 1 on.
TROUBLE = (
    "is not a library that can be loaded",
    "is loaded by something else in this process, whose number of threads would change: FACULA_OPENBLAS needs a copy of the file",
    "is not an OpenBLAS with 32-bit integers",
)


def library_path() -> str | None:
    """The shared library: $FACULA_OPENBLAS (a path; empty for none), else that of the installed wheel; None where there is none.

    Nothing is imported or loaded. Not looked for are NumPy's own, whose number of threads is NumPy's, and the system's, which NumPy may use.
    """
    given = os.environ.get("FACULA_OPENBLAS")
    if given is not None:
        return given or None
    return library_of("scipy_openblas32", ("libscipy_openblas.so", "libscipy_openblas.dylib"))
