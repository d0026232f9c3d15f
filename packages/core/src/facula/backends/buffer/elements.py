"""Elements of each dtype as Python numbers: read from memory, rounded, converted, stored. No NumPy arithmetic."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from ctypes import c_float
from typing import Any

from facula.dtypes import BOOL, COMPLEX, FLOAT, FROM_NUMPY

#: How memoryview names the storage; a half is stored as its 16 bits, a complex number as two floats.
_FORMATS = {
    "bool": "?", "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int8": "b", "int16": "h", "int32": "i",
    "int64": "q", "float16": "H", "bfloat16": "H", "float32": "f", "float64": "d", "complex64": "f", "complex128": "d",
}  # fmt: skip


def read(memory: Any, dtype: Any, places: Sequence[int]) -> list[Any]:
    """The elements at `places` (counted in elements) of a buffer of bytes."""
    name = FROM_NUMPY[dtype].name
    data = memoryview(memory).cast("B").cast(_FORMATS[name])  # type: ignore[call-overload]
    if name.startswith("complex"):
        return [complex(data[2 * i], data[2 * i + 1]) for i in places]
    if name in _FROM_BITS:
        from_bits = _FROM_BITS[name]
        return [from_bits(data[i]) for i in places]
    return [data[i] for i in places]


def write(memory: Any, dtype: Any, places: Sequence[int], values: Sequence[Any]) -> None:
    """Stores values, which `converter(dtype)` has made, at `places`."""
    name = FROM_NUMPY[dtype].name
    data = memoryview(memory).cast("B").cast(_FORMATS[name])  # type: ignore[call-overload]
    if name.startswith("complex"):
        for i, z in zip(places, values):
            data[2 * i], data[2 * i + 1] = z.real, z.imag
    elif name in _TO_BITS:
        to_bits = _TO_BITS[name]
        for i, x in zip(places, values):
            data[i] = to_bits(x)
    else:
        for i, x in zip(places, values):
            data[i] = x


# ---- halves


def _half_to_bits(x: float) -> int:
    try:
        return struct.unpack("H", struct.pack("e", float(x)))[0]  # type: ignore[no-any-return]
    except OverflowError:
        return 0xFC00 if x < 0 else 0x7C00


def _half_from_bits(bits: int) -> float:
    return struct.unpack("e", struct.pack("H", bits))[0]  # type: ignore[no-any-return]


def _bfloat_to_bits(x: float) -> int:
    """The upper half of a float32, rounded to nearest, ties to even."""
    bits = int(struct.unpack("I", struct.pack("f", c_float(x).value))[0])
    if x != x:
        return bits >> 16 | 0x40
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _bfloat_from_bits(bits: int) -> float:
    return struct.unpack("f", struct.pack("I", bits << 16))[0]  # type: ignore[no-any-return]


_TO_BITS = {"float16": _half_to_bits, "bfloat16": _bfloat_to_bits}
_FROM_BITS = {"float16": _half_from_bits, "bfloat16": _bfloat_from_bits}


# ---- conversion and rounding


def round_single(x: float) -> float:
    """The nearest float32."""
    return c_float(x).value


def round_half(x: float) -> float:
    return _half_from_bits(_half_to_bits(x))


def round_bfloat(x: float) -> float:
    return _bfloat_from_bits(_bfloat_to_bits(x))


def converter(dtype: Any) -> Callable[[Any], Any]:
    """A function that makes any number one of `dtype`, as a C cast does: truncated, wrapped, rounded."""
    d = FROM_NUMPY[dtype]
    if d.category == BOOL:
        return bool
    if d.category == COMPLEX:
        return _to_complex_single if d.itemsize == 8 else complex
    if d.category == FLOAT:
        round_ = _ROUND[d.name]
        return lambda x: round_(x.real)
    return _to_integer(8 * d.itemsize, d.is_signed)


_ROUND: dict[str, Callable[[Any], float]] = {
    "float16": round_half, "bfloat16": round_bfloat, "float32": round_single, "float64": float,
}  # fmt: skip


def _to_complex_single(x: Any) -> complex:
    return complex(c_float(x.real).value, c_float(x.imag).value)


def _to_integer(bits: int, signed: bool) -> Callable[[Any], int]:
    size, half = 1 << bits, 1 << (bits - 1)

    def convert(x: Any) -> int:
        if x.__class__ is not int:
            x = _truncate(x.real, bits)
        x &= size - 1
        return x - size if signed and x >= half else x  # type: ignore[no-any-return]

    return convert


def _truncate(x: Any, bits: int) -> int:
    """Towards zero. What does not fit (in 32 bits at least) is what the processor says: the lowest number."""
    limit = 1 << (max(bits, 32) - 1)
    return int(x) if -limit <= x < 2 * limit else -limit
