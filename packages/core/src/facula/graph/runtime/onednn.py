"""Where oneDNN is: the optional library of fast products and convolutions (PyPI: onednn-cpu-gomp, Linux on x86-64)."""

from __future__ import annotations

import os
import platform
import sys

from facula.graph.runtime.wheel import library_of


def library_path() -> str | None:
    """The shared library: $FACULA_ONEDNN (a path; empty for none), else that of the installed wheel; None where there is none.

    Nothing is imported or loaded. Libraries that the system brings are not looked for: they may be built for other threads.
    """
    given = os.environ.get("FACULA_ONEDNN")
    if given is not None:
        return given or None
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    return library_of("onednn_cpu_gomp", ("libdnnl.so.3",))
