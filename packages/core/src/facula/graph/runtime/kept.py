"""Files that the user's processes share: compiled units, and programs as data.

The folders are the user's own (mode 0700); one that somebody else owns is refused. A file gets its name when it is whole, so
that processes may make the same at once; each ends with its digest, so one that is cut off or damaged counts as missing.
A folder holds `MOST_BYTES` at the most: then the files that were read longest ago go. Folders in it are where something is
being made; one of yesterday was left by a process that was killed, and goes too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 2**30
#: Seconds after which nothing is being made any more in a folder.
LONGEST_MAKING = 24 * 3600
_DIGEST = 32  # bytes at the end of a file, which loaders of libraries pass over


def folder(name: str) -> Path:
    """`name` in $FACULA_CACHE, or in `facula` under the user's cache folder. Raises RuntimeError if it is not ours."""
    base = os.environ.get("FACULA_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "facula"
    )
    path = Path(base, name)
    for part in (path.parent, path):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        found = path.stat()
        if {found.st_uid, path.lstat().st_uid} != {os.getuid()}:  # a link may be another's
            raise RuntimeError(
                f"the folder for compiled programs, {path}, belongs to another user; set FACULA_CACHE to one of yours"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    return path


def read(path: Path) -> bytes | None:
    """What was written; None where there is no such file, or not a whole one. Raises RuntimeError if it is not ours."""
    try:
        with path.open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                raise RuntimeError(
                    f"the compiled program {path} belongs to another user; remove it"
                )
            found = file.read()
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a read-only folder: nothing is removed from it either
        os.utime(path)
    data, digest = found[:-_DIGEST], found[-_DIGEST:]
    return data if hashlib.sha256(data).digest() == digest else None


def write(path: Path, data: bytes) -> None:
    """Puts `data` and its digest there, all at once, and removes what makes the folder too large."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    _forget_oldest(path)


def _forget_oldest(but: Path) -> None:
    files = {}
    for file in but.parent.iterdir():
        with suppress(FileNotFoundError):  # removed by another process
            files[file] = file.stat()
    before = time.time() - LONGEST_MAKING
    for file, found in files.items():
        if stat.S_ISDIR(found.st_mode) and found.st_mtime < before:
            shutil.rmtree(file, ignore_errors=True)
    total = 0
    for file, found in sorted(files.items(), key=lambda x: x[1].st_mtime_ns, reverse=True):
        total += found.st_size
        if total > MOST_BYTES and file != but and stat.S_ISREG(found.st_mode):
            file.unlink(missing_ok=True)
