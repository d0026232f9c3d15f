"""`facula.load`: checks everything about a file before it believes any of it."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from facula._device import device
from facula._tensor import Tensor
from facula.backends.registry import backend_for
from facula.dtypes import NAMES
from facula.io.format import (
    FORMAT,
    MARKS,
    MAX_HEADER,
    Entry,
    FileError,
    decode_header,
    entries_of,
    metadata_of,
    parse_json,
    start_digest,
)  # fmt: skip
from facula.io.structure import Reader


def load(
    f: Any, map_location: Any = None, *, weights_only: bool | None = None, mmap: bool | None = None
) -> Any:
    """What `facula.save` wrote to a path or an open binary file; of other safetensors files a dict of tensors.

    Tensors go to the device they were saved from; `map_location` names another: a device, a dict of device names
    (those that it lacks stay), or a function `(CPU tensor, device name) -> tensor`, or None to leave it. Raises `facula.io.FileError` for a file that is cut off,
    altered or of another format; nothing in a file is ever run, so `weights_only` changes nothing.
    """
    if map_location is not None and not isinstance(map_location, dict):
        if isinstance(map_location, (str, int, device)):
            backend_for(map_location)  # an unknown device is no fault of the file
        elif not callable(map_location):
            raise TypeError(
                f"map_location must be a device, its name, a dict of names or a function, not {type(map_location).__name__}"
            )
    if hasattr(f, "read"):
        return _load(_seekable(f), map_location, getattr(f, "name", "the file"))
    with open(os.fspath(f), "rb") as file:
        return _load(file, map_location, os.fspath(f))


def _seekable(f: Any) -> Any:
    if hasattr(f, "seekable") and f.seekable():
        return f
    return io.BytesIO(f.read())


def _load(file: Any, map_location: Any, name: Any) -> Any:
    try:
        return _read(file, map_location)
    except FileError as error:
        raise FileError(f"{name}: {error}") from error.__cause__


def _read(file: Any, map_location: Any) -> Any:
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    head = file.read(8)
    _check_kind(head)
    length = int.from_bytes(head, "little")
    if length > MAX_HEADER or length > size - 8:
        raise FileError(
            f"its header claims {length} bytes, the file has {size}: it is cut off or no safetensors file"
        )
    text = file.read(length)
    header = decode_header(text)
    metadata = metadata_of(header)
    entries = entries_of(header, size - 8 - length)
    is_ours = any(mark in metadata for mark in MARKS)
    digest = start_digest(head + text, _marked(metadata)) if is_ours else None
    arrays = {e.name: _read_array(file, e, digest) for e in entries}
    if digest is None:
        return {
            e.name: _place(_tensor(arrays[e.name]), "cpu", map_location) for e in sorted(entries)
        }
    if digest.hexdigest() != metadata["facula_sha256"]:
        raise FileError("its checksum is wrong: the file was damaged or altered after it was saved")
    return _rebuild(metadata["facula_structure"], arrays, map_location)


def _check_kind(head: bytes) -> None:
    """Names the formats that people give to `load` by mistake."""
    if len(head) < 8:
        raise FileError(f"it has only {len(head)} bytes: it is cut off or no safetensors file")
    if head.startswith(b"PK\x03\x04") or head[:1] == b"\x80":
        raise FileError(
            "this is a pickle or a file of torch.save, a format that facula does not read yet: loading a pickle can "
            "run any code that is in it. Convert it where PyTorch is: safetensors.torch.save_file(state_dict, path)"
        )


def _marked(metadata: dict[str, str]) -> str:
    missing = [mark for mark in MARKS if mark not in metadata]
    if missing:
        raise FileError(f"its header lacks {missing}")
    if metadata["facula_format"] != FORMAT:
        raise FileError(
            f"it is of format {metadata['facula_format']!r}; this version of facula reads {FORMAT!r}"
        )
    return metadata["facula_sha256"]


def _read_array(file: Any, entry: Entry, digest: Any) -> Any:
    try:
        array = np.empty(entry.shape, entry.dtype)
    except ValueError as error:  # (2**62, 0): no elements, and yet too large for NumPy
        raise FileError(
            f"tensor {entry.name!r} has an impossible shape {entry.shape}: {error}"
        ) from None
    if array.size:
        raw = array.reshape(-1).view("u1")
        _fill(file, raw, entry.name)
        if digest is not None:
            digest.update(raw)
    if entry.dtype.kind == "b" and (array.view("u1") > 1).any():
        raise FileError(f"tensor {entry.name!r} of bool holds bytes other than 0 and 1")
    return array


def _fill(file: Any, raw: Any, name: str) -> None:
    view, done = memoryview(raw), 0
    while done < len(view):
        if hasattr(file, "readinto"):
            count = file.readinto(view[done:])
        else:
            data = file.read(len(view) - done)
            count = len(data)
            view[done : done + count] = data
        if not count:
            raise FileError(f"the file ends within tensor {name!r}")
        done += count


def _rebuild(text: str, arrays: dict[str, Any], map_location: Any) -> Any:
    made: dict[tuple[str, str], Tensor] = {}

    def tensor_of(name: str, complex_dtype: str | None, where: str) -> Tensor:
        tensor = made.get((name, where))
        if tensor is None:
            array = arrays[name]
            if complex_dtype is not None:
                array = array.view(NAMES[complex_dtype].dtype).reshape(array.shape[:-1])
            tensor = made[name, where] = _place(_tensor(array), where, map_location)
        return tensor.detach()

    reader = Reader(tensor_of)
    try:
        out = reader.decode(parse_json(text, "the structure"))
    except RecursionError:
        raise FileError("the structure is nested too deeply") from None
    if reader.used != set(arrays):
        raise FileError(
            f"tensors {sorted(set(arrays) - reader.used)} have no place in the structure"
        )
    return out


def _tensor(array: Any) -> Tensor:
    from facula.construct import from_numpy

    return from_numpy(array)


def _place(tensor: Tensor, where: str, map_location: Any) -> Tensor:
    if isinstance(map_location, dict):
        map_location = map_location.get(where, where)
    elif not isinstance(map_location, (str, int, device)) and callable(map_location):
        placed = map_location(tensor, where)
        if placed is not None:
            return placed  # type: ignore[no-any-return]
        map_location = None
    if map_location is not None:
        return tensor.to(map_location)
    return tensor if where == "cpu" else _to_saved_device(tensor, where)


def _to_saved_device(tensor: Tensor, where: str) -> Tensor:
    try:
        return tensor.to(where)
    except RuntimeError as error:
        raise FileError(
            f"load: a tensor was saved from device '{where}', which is not to be had here ({error}); "
            f"load it elsewhere with map_location='cpu'"
        ) from error
