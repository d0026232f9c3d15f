"""Where oneDNN is: the optional library of fast products and convolutions (PyPI: onednn-cpu-gomp, Linux on x86-64)."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

#: The wheel's folder of metadata, and the file in it that lists where pip put the library.
RECORD = "onednn_cpu_gomp-*.dist-info/RECORD"
LIBRARY = "libdnnl.so.3"


def library_path() -> str | None:
    """The shared library: $FACULA_ONEDNN (a path; empty for none), else that of the installed wheel; None where there is none.

    Nothing is imported or loaded. Libraries that the system brings are not looked for: they may be built for other threads.
    """
    given = os.environ.get("FACULA_ONEDNN")
    if given is not None:
        return given or None
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    records = (record for folder in sys.path for record in Path(folder or ".").glob(RECORD))
    return next((path for record in records if (path := _listed(record))), None)


def _listed(record: Path) -> str | None:
    """The library's path from a wheel's RECORD, whose paths begin at the folder of packages."""
    for line in record.read_text().splitlines():
        path = record.parent.parent / line.split(",")[0]
        if path.name == LIBRARY and path.exists():
            return str(path.resolve())
    return None
