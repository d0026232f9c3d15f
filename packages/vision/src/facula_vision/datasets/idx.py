"""The IDX format of MNIST: a header that says type and shape, then big-endian numbers.

Source: Yann LeCun's description of the MNIST files. Gzipped files are read as they are.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8


def read_idx(path: str | Path) -> Any:
    """The NumPy array in an IDX file, gzipped or not.

    Raises ValueError naming the file where it is truncated, too long, damaged or no IDX file.
    """
    path = Path(path)
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: the gzip data is damaged: {error}") from None
    if (
        len(data) < 4
        or data[:2] != b"\0\0"
        or data[2] not in _TYPES
        or not 1 <= data[3] <= _MAX_DIMENSIONS
    ):
        raise ValueError(
            f"{path}: no IDX file (it starts with '{data[:4].hex(' ')}', expected '00 00 TYPE DIMENSIONS')"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{path}: truncated in the header, at {len(data)} bytes of {header}")
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    dtype = np.dtype(_TYPES[data[2]])
    expected = header + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        raise ValueError(
            f"{path}: it has {len(data)} bytes, and shape {shape} of {dtype.name} makes {expected}"
        )
    try:
        array = np.frombuffer(data, dtype, offset=header).reshape(shape)
    except ValueError as error:  # no elements, and dimensions beyond what NumPy counts
        raise ValueError(f"{path}: shape {shape}: {error}") from None
    return array.astype(dtype.newbyteorder("="))


def write_idx(path: str | Path, array: Any) -> None:
    """Writes an array of 1 to 8 dimensions as an IDX file. Raises ValueError for what the format lacks."""
    array = np.asarray(array)
    codes = {np.dtype(t).newbyteorder("="): code for code, t in _TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        raise ValueError(f"IDX has no type for {array.dtype}; it has {', '.join(map(str, codes))}")
    if not 1 <= array.ndim <= _MAX_DIMENSIONS:
        raise ValueError(
            f"IDX files hold 1 to {_MAX_DIMENSIONS} dimensions, not shape {array.shape}"
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    Path(path).write_bytes(header + array.astype(array.dtype.newbyteorder(">")).tobytes())
