"""`facula.save`: the whole file or none of it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from facula.io.format import FORMAT, NO_DIGEST, digest_field, encode_header, start_digest
from facula.io.structure import Writer


def save(obj: Any, f: Any) -> None:
    """Writes tensors, and containers of tensors and plain values, to a path or an open binary file.

    The file is in safetensors layout, with a checksum; `facula.load` gives back what was saved. Written to a path,
    it replaces an older file only when it is complete and on the disk: whatever happens meanwhile, the
    path holds the old file or the new one. Raises TypeError, and writes nothing, for values of other types.

    >>> facula.save({"weight": facula.ones(2, 3), "step": 7}, "state.safetensors")
    """
    writer = Writer(obj)
    # Largest elements first keeps every tensor aligned; the order of the file is free otherwise.
    arrays = sorted(writer.arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    tree = json.dumps(writer.tree, separators=(",", ":"), allow_nan=False)
    head = encode_header(
        arrays, {"facula_format": FORMAT, "facula_structure": tree, "facula_sha256": NO_DIGEST}
    )
    digest = start_digest(head, NO_DIGEST)
    parts = [array.reshape(-1).view("u1") for _, array in arrays if array.size]
    for part in parts:
        digest.update(part)
    head = head.replace(digest_field(NO_DIGEST), digest_field(digest.hexdigest()))
    if hasattr(f, "write"):
        _write(f, head, parts)
    else:
        with replacing(os.fspath(f)) as file:
            _write(file, head, parts)


def _write(file: Any, head: bytes, parts: list[Any]) -> None:
    file.write(head)
    for part in parts:
        file.write(part.data)


@contextlib.contextmanager
def replacing(path: Any) -> Iterator[Any]:
    """A new file that takes the place of `path` once the block has ended without an error."""
    target = os.path.realpath(path)  # a link stays a link
    folder = os.path.dirname(target)
    handle, temporary = tempfile.mkstemp(
        prefix=f".{os.path.basename(target)}.", suffix=".tmp", dir=folder
    )
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _mode(target: str) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    try:
        return os.stat(target).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: str) -> None:
    """Makes the renaming itself survive a power cut, where folders can be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
