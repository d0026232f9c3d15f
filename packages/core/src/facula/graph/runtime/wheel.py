"""Shared libraries that wheels bring: found by the wheel's list of files, so that nothing is imported."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path


def library_of(wheel: str, names: Collection[str]) -> str | None:
    """The path of an installed wheel's file of one of these names; None where there is none. `wheel` is written as in folders, `a_b`."""
    for folder in sys.path:
        for record in Path(folder or ".").glob(f"{wheel}-*.dist-info/RECORD"):
            if (path := _listed(record, names)) is not None:
                return path
    return None


def _listed(record: Path, names: Collection[str]) -> str | None:
    """The file's path from a wheel's RECORD, whose paths begin at the folder of packages."""
    for line in record.read_text().splitlines():
        path = record.parent.parent / line.split(",")[0]
        if path.name in names and path.exists():
            return str(path.resolve())
    return None
