"""Data types: `facula.float32` and its siblings, their limits, and how they are named.

A `dtype` carries the NumPy dtype that stores it as `.dtype`, so NumPy itself accepts one wherever it
takes a dtype (`np.zeros(3, facula.float32)`), and array code below the tape never needs to translate.
"""

from __future__ import annotations

import sys
from typing import Any

import ml_dtypes
import numpy as np


class dtype:
    """The type of a tensor's elements, as PyTorch's `torch.dtype`.

    Attributes: `name` ('float32'), `itemsize` in bytes, `is_floating_point`, `is_complex`,
    `is_signed`, and `dtype`, the NumPy dtype.
    """

    __slots__ = ("name", "dtype", "category", "itemsize", "is_floating_point", "is_complex")

    def __init__(self, name: str, storage: Any, category: int):
        self.name = name
        self.dtype = np.dtype(storage)
        self.category = category
        self.itemsize = self.dtype.itemsize
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.category >= FLOAT or self.name.startswith("int")

    def to_real(self) -> dtype:
        """The real dtype of the same precision: float32 for complex64."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype of the same precision: complex64 for float32."""
        return {float32: complex64, float64: complex128}.get(self, self)

    def __repr__(self) -> str:
        return f"facula.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (named, (self.name,))


BOOL, INTEGER, FLOAT, COMPLEX = range(4)

bool_ = dtype("bool", np.bool_, BOOL)
uint8 = dtype("uint8", np.uint8, INTEGER)
uint16 = dtype("uint16", np.uint16, INTEGER)
uint32 = dtype("uint32", np.uint32, INTEGER)
uint64 = dtype("uint64", np.uint64, INTEGER)
int8 = dtype("int8", np.int8, INTEGER)
int16 = dtype("int16", np.int16, INTEGER)
int32 = dtype("int32", np.int32, INTEGER)
int64 = dtype("int64", np.int64, INTEGER)
float16 = dtype("float16", np.float16, FLOAT)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT)
float32 = dtype("float32", np.float32, FLOAT)
float64 = dtype("float64", np.float64, FLOAT)
complex64 = dtype("complex64", np.complex64, COMPLEX)
complex128 = dtype("complex128", np.complex128, COMPLEX)

ALL = (
    *(bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64),
    *(float16, bfloat16, float32, float64, complex64, complex128),
)
#: Every public name of a dtype, PyTorch's aliases included.
NAMES: dict[str, dtype] = {d.name: d for d in ALL} | {
    "half": float16,
    "float": float32,
    "double": float64,
    "short": int16,
    "int": int32,
    "long": int64,
    "cfloat": complex64,
    "cdouble": complex128,
}
FROM_NUMPY: dict[np.dtype[Any], dtype] = {d.dtype: d for d in ALL}
FROM_PYTHON: dict[type, dtype] = {bool: bool_, int: int64}
HALF = frozenset((float16.dtype, bfloat16.dtype))
F32, F64, I64, B8 = float32.dtype, float64.dtype, int64.dtype, bool_.dtype


def named(name: str) -> dtype:
    return NAMES[name]


def as_dtype(value: Any) -> dtype:
    """`value` (a dtype, a NumPy dtype, or `bool`, `int`, `float`, `complex`) as a `dtype`."""
    if value.__class__ is dtype:
        return value
    if value is float:
        return float64
    if value is complex:
        return complex128
    if value in FROM_PYTHON:
        return FROM_PYTHON[value]
    try:
        return FROM_NUMPY[np.dtype(value)]
    except (TypeError, KeyError):
        names = ", ".join(d.name for d in ALL)
        raise TypeError(f"{value!r} is not a dtype that facula has; it has {names}") from None


def category(dt: Any) -> int:
    """BOOL, INTEGER, FLOAT or COMPLEX, for a NumPy dtype or a `dtype`."""
    return (dt if dt.__class__ is dtype else FROM_NUMPY[dt]).category


def is_floating_point(dt: Any) -> bool:
    return category(dt) == FLOAT


def is_complex(dt: Any) -> bool:
    return category(dt) == COMPLEX


def is_integral(dt: Any) -> bool:
    """True for the integers and bool."""
    return category(dt) <= INTEGER


_default = float32


def get_default_dtype() -> dtype:
    """The dtype that Python floats and most creation functions get; float32 at start."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Sets the dtype of new floating-point tensors. Raises TypeError for one that is not floating, CaptureError while a function is captured."""
    global _default
    graph = sys.modules.get("facula.graph.active")  # else nothing is captured
    if graph is not None and graph.active.capture is not None:
        from facula.graph.errors import refuse

        raise refuse(
            "set_default_dtype changes what later calls mean",
            "set it before the call, or name the dtype where tensors are made",
        )
    d = as_dtype(d)
    if not d.is_floating_point:
        raise TypeError(f"the default dtype must be a floating-point one, not {d}")
    _default = d


class finfo:
    """Limits of a floating-point (or complex) dtype: bits, eps, max, min, tiny, resolution."""

    def __init__(self, type: dtype | None = None):
        self.dtype = (as_dtype(type) if type is not None else _default).to_real()
        if not self.dtype.is_floating_point:
            raise TypeError(f"finfo is for floating-point dtypes, not {self.dtype}; use iinfo")
        lookup: Any = ml_dtypes.finfo
        info = lookup(self.dtype.dtype)
        self.bits = info.bits
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            setattr(self, name, float(getattr(info, name)))

    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    resolution: float

    def __repr__(self) -> str:
        return f"finfo(eps={self.eps}, max={self.max}, min={self.min}, tiny={self.tiny}, dtype={self.dtype.name})"


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, type: dtype):
        self.dtype = as_dtype(type)
        if self.dtype.category != INTEGER:
            raise TypeError(f"iinfo is for integer dtypes, not {self.dtype}")
        info = np.iinfo(self.dtype.dtype)
        self.bits, self.max, self.min = info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(max={self.max}, min={self.min}, dtype={self.dtype.name})"
