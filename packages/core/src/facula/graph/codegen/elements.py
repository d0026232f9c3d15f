"""Elements in printed code: how a dtype is stored, what it is computed as, and conversions between them.

Storage is bool as `u8`, the halves as their 16 bits `u16`. Values are computed in the types of the header
(`i32`, `f32`, `c64`, ...): halves as `f32`, rounded after each step, and bools as `int`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facula.dtypes import ALL, BOOL, COMPLEX, FLOAT, FROM_NUMPY, INTEGER, NAMES


@dataclass(frozen=True)
class Element:
    """One dtype as printed code sees it.

    `short` is its part of function names ('f32' of `exp_f32`), `storage` and `value` are type names.
    """

    name: str
    category: int
    short: str
    storage: str
    value: str

    @property
    def itemsize(self) -> int:
        """Bytes of one in memory."""
        return NAMES[self.name].itemsize  # type: ignore[no-any-return]

    @property
    def is_half(self) -> bool:
        return self.storage != self.value and self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def function_suffix(self) -> str:
        """What the functions for its values end with: halves are computed as float32, bools as int64."""
        return "i64" if self.category == BOOL else self.value

    @property
    def unsigned(self) -> str:
        """The unsigned type in which integers wrap; at least 32 bits, as C computes smaller ones as signed."""
        return "u64" if self.value in ("i64", "u64") else "u32"


def _element(d: Any) -> Element:
    bits = 8 * d.itemsize
    if d.category == BOOL:
        return Element(d.name, BOOL, "b8", "u8", "int")
    if d.category == COMPLEX:
        return Element(d.name, COMPLEX, f"c{bits}", f"c{bits}", f"c{bits}")
    if d.name in ("float16", "bfloat16"):
        return Element(d.name, FLOAT, "f16" if d.name == "float16" else "bf16", "u16", "f32")
    letter = "f" if d.category == FLOAT else "i" if d.is_signed else "u"
    return Element(d.name, d.category, f"{letter}{bits}", f"{letter}{bits}", f"{letter}{bits}")


ELEMENTS: dict[str, Element] = {d.name: _element(d) for d in ALL}
BOOLEAN, INT64, FLOAT32 = (ELEMENTS[n] for n in ("bool", "int64", "float32"))
#: Prints a NumPy dtype of each value type, for the numbers among a kernel's arguments.
NUMBER_DTYPES = {
    e.value: np.dtype(e.name) for e in ELEMENTS.values() if e.value == e.storage
} | {"int": np.dtype(np.uint8)}  # fmt: skip


def element(dtype: Any) -> Element:
    """The element of a NumPy dtype."""
    return ELEMENTS[FROM_NUMPY[dtype].name]


def accumulator(e: Element) -> Element:
    """What sums of these are kept in."""
    return FLOAT32 if e.is_half else e


def real(e: Element) -> Element:
    """The element of the parts of a complex one; any other itself."""
    return ELEMENTS["float32" if e.short == "c64" else "float64"] if e.is_complex else e


def load(e: Element, place: str) -> str:
    """The value of an element in memory."""
    if e.category == BOOL:
        return f"({place} != 0)"
    return f"load_{e.short}({place})" if e.is_half else place


def store(e: Element, place: str, value: str) -> str:
    """The statement that stores a value of its own type."""
    if e.category == BOOL:
        return f"{place} = (u8)({value});"
    return f"{place} = store_{e.short}({value});" if e.is_half else f"{place} = {value};"


def rounded(e: Element, text: str) -> str:
    """A value after an arithmetic step in `e`."""
    return f"load_{e.short}(store_{e.short}({text}))" if e.is_half else text


def convert(source: Element, target: Element, text: str) -> str:
    """`text`, a value of `source`, as a value of `target`: truncated, wrapped, rounded, as a C cast does."""
    if source is target or (source.is_half and target is FLOAT32):
        return text
    if target.category == BOOL:
        return f"truth_{source.value}({text})" if source.is_complex else f"(({text}) != 0)"
    if source.is_complex and not target.is_complex:
        return convert(real(source), target, f"({text}).re")
    return _CONVERSIONS[target.category](source, target, text)


def _to_integer(source: Element, target: Element, text: str) -> str:
    if source.category == FLOAT:
        return f"to_{target.value}_{source.value}({text})"
    return f"(({target.value})({text}))"


def _to_float(source: Element, target: Element, text: str) -> str:
    if target.short == "f16" and source.value == "f64":
        return rounded(target, f"to_odd_f32({text})")
    single = text if source.value == target.value else f"(({target.value})({text}))"
    return rounded(target, single)


def _to_complex(source: Element, target: Element, text: str) -> str:
    if source.is_complex:
        return f"make_{target.value}_{source.value}({text})"
    return f"make_{target.value}({convert(source, real(target), text)}, 0)"


_CONVERSIONS = {INTEGER: _to_integer, FLOAT: _to_float, COMPLEX: _to_complex}


def literal(e: Element, number: Any) -> str:
    """A Python number as a value of `e`."""
    if e.is_complex:
        z = complex(number)
        return f"make_{e.value}({literal(real(e), z.real)}, {literal(real(e), z.imag)})"
    if e.category == BOOL:
        return str(int(bool(number)))
    if e.category == INTEGER:
        return _integer(e, int(number))
    if number != number:
        return "NAN"
    if abs(number) == float("inf"):
        return "INFINITY" if number > 0 else "(-INFINITY)"
    text = repr(float(number)) + ("f" if e.value == "f32" else "")
    return f"({text})" if text.startswith("-") else text


def _integer(e: Element, number: int) -> str:
    size = 8 * np.dtype(e.name).itemsize
    if size < 64:
        number = number % (1 << size)
        if e.value.startswith("i") and number >= 1 << (size - 1):
            number -= 1 << size
        return f"(({e.value}){number})" if number >= -(1 << 31) + 1 else "((i32)0x80000000u)"
    return f"(({e.value})U64({hex(number % (1 << 64))}))"
