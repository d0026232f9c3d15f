"""Groups of kernels that earlier processes built, so that drivers which keep what they compiled find it again.

A driver keeps programs by their text. The kernels that a program needs come in another order and other
groups each time, so the texts of groups are stored: a kernel that is in one is built as part of it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

#: A folder to keep them in, or '0' for none.
VARIABLE = "FACULA_OPENCL_CACHE"
#: Groups that are kept for a device; the oldest go first.
MOST = 256
_HEAD = "// kernels: "


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class StoredGroups:
    """The groups for one device, files named by the digest of what is in them."""

    def __init__(self, device: Any):
        place = os.environ.get(VARIABLE) or user_cache_dir("facula")
        of_device = digest(f"{device.platform.version} {device.name} {device.driver_version}")
        self.folder = None if place == "0" else Path(place) / "opencl" / of_device

    @cached_property
    def _group_of(self) -> dict[str, Path]:
        """The file of each kernel, by the digest of its own source."""
        found: dict[str, Path] = {}
        files = sorted(self.folder.glob("*.cl")) if self.folder else []
        for file in files:
            with suppress(OSError, UnicodeDecodeError), file.open() as lines:
                head = lines.readline()
                if head.startswith(_HEAD):
                    found |= dict.fromkeys(head[len(_HEAD) :].split(), file)
        return found

    def group_with(self, source: str) -> str | None:
        """The text of a group that holds the kernel whose own source is `source`, if it is there unharmed."""
        file = self._group_of.get(digest(source))
        with suppress(OSError, UnicodeDecodeError):
            text = file.read_text() if file else ""
            if file and digest(text) == file.stem:
                return text.partition("\n")[2]
        return None

    def add(self, group: str, sources: list[str]) -> None:
        """Stores a group that was just built of kernels with these sources of their own."""
        if not self.folder:
            return
        keys = [digest(source) for source in sources]
        text = f"{_HEAD}{' '.join(keys)}\n{group}"
        file = self.folder / f"{digest(text)}.cl"
        with suppress(OSError):  # a full or read-only disk: the next process builds again
            self.folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(text)
            part.replace(file)
            self._group_of.update(dict.fromkeys(keys, file))
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        assert self.folder
        files = sorted(self.folder.glob("*.cl"), key=lambda f: f.stat().st_mtime)
        for file in files[:-MOST]:
            file.unlink()
