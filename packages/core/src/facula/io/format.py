"""The container: safetensors layout, with a checksum over header and data.

Eight bytes of header length (little-endian), a JSON header, then the bytes of the tensors, end to end. The
header maps names to {"dtype", "shape", "data_offsets"}; its `__metadata__` holds, in facula's files, three
strings: "facula_format" ("1"), "facula_structure" (see `structure.py`) and "facula_sha256": the digest of the
whole file, taken with that digest written as 64 zeros. Any safetensors reader opens such a file; and a
safetensors file from elsewhere, which has none of the three, loads as a dict of tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NamedTuple

from facula.dtypes import NAMES

FORMAT = "1"
MARKS = ("facula_format", "facula_structure", "facula_sha256")
NO_DIGEST = "0" * 64
MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors library
CODES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16",
    "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32", "F64": "float64", "I64": "int64",
    "U64": "uint64", "C64": "complex64",
}  # fmt: skip
CODE_OF = {name: code for code, name in CODES.items() if code != "C64"}


class FileError(RuntimeError, ValueError):
    """A file that is damaged, forged, or of a format that is not read."""


class Entry(NamedTuple):
    """One tensor of a header: a NumPy dtype, a shape, and where its bytes are, counted from the end of the header."""

    name: str
    dtype: Any
    shape: tuple[int, ...]
    start: int
    stop: int


def encode_header(entries: list[tuple[str, Any]], metadata: dict[str, str]) -> bytes:
    """Length and JSON for arrays that follow each other in this order, padded to 64 bytes."""
    header: dict[str, Any] = {"__metadata__": metadata}
    start = 0
    for name, array in entries:
        code, shape = CODE_OF[_dtype_name(array)], list(array.shape)
        header[name] = {
            "dtype": code,
            "shape": shape,
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(8 + len(text)) % 64)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"the structure to save takes {len(text)} bytes, more than the limit of {MAX_HEADER}"
        )
    return len(text).to_bytes(8, "little") + text


def _dtype_name(array: Any) -> str:
    from facula.dtypes import FROM_NUMPY

    return FROM_NUMPY[array.dtype].name


def digest_field(digest: str) -> bytes:
    """How the digest stands in the header."""
    return f'"facula_sha256":"{digest}"'.encode()


def start_digest(head: bytes, digest: str) -> Any:
    """A hash object that has taken in length and header, the digest in them blanked."""
    field = digest_field(digest)
    if head.count(field) != 1:
        raise FileError("the header does not hold its checksum exactly once")
    return hashlib.sha256(head.replace(field, digest_field(NO_DIGEST)))


# ---- reading


def decode_header(text: bytes) -> dict[str, Any]:
    """The JSON object of a header. Raises FileError for all else, and for repeated keys."""
    found = parse_json(text, "the header")
    if not isinstance(found, dict) or not text.startswith(b"{"):
        raise FileError("the header is no JSON object")
    return found


def parse_json(text: bytes | str, what: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_refuse_constant)
    except RecursionError:
        raise FileError(f"{what} is nested too deeply") from None
    except FileError:
        raise
    except ValueError as error:
        raise FileError(f"{what} is not valid JSON: {error}") from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise FileError("the header repeats a key")
    return out


def _refuse_constant(name: str) -> Any:
    raise FileError(f"{name} is not valid JSON")


def metadata_of(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FileError("__metadata__ must map strings to strings")
    return metadata


def entries_of(header: dict[str, Any], data_size: int) -> list[Entry]:
    """All tensors in the order of their bytes, which must fill the data without gap or overlap."""
    entries = [_entry(name, value) for name, value in header.items() if name != "__metadata__"]
    entries.sort(key=lambda e: (e.start, e.stop))
    at = 0
    for e in entries:
        if e.start != at:
            raise FileError(
                f"tensor {e.name!r} starts at byte {e.start} of the data, expected {at}: a gap or an overlap"
            )
        at = e.stop
    if at != data_size:
        raise FileError(
            f"the tensors take {at} bytes, the file holds {data_size} bytes of data: it is cut off or altered"
        )
    return entries


def _entry(name: str, value: Any) -> Entry:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise FileError(f"tensor {name!r} must have exactly dtype, shape and data_offsets")
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in CODES:
        raise FileError(
            f"tensor {name!r} has dtype {code!r}, which facula does not read; it reads {', '.join(CODES)}"
        )
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise FileError(
            f"tensor {name!r}: shape and data_offsets must be lists of non-negative ints"
        )
    if len(shape) > 64:
        raise FileError(f"tensor {name!r} has {len(shape)} dimensions; at most 64 are possible")
    dtype = NAMES[CODES[code]].dtype
    start, stop = offsets
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise FileError(
            f"tensor {name!r} of {code} and shape {shape} can't take bytes {start} to {stop}"
        )
    return Entry(name, dtype, tuple(shape), start, stop)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)
