"""Kernels as builtins of Python: where a call of a Python function costs as much as what it does.

A builtin takes the place of the kernel in Python once that is called for something that is ours to do; it passes on to it
what it does not do itself. Where objects are not laid out as on CPython with its interpreter lock, there are none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula_native import ufuncs, units

#: The place of PyArray_Empty in NumPy's table of functions, the same in all versions of NumPy 2.
_EMPTY = 184


class _Python(ctypes.Structure):
    """`python` of builtin.h."""

    _fields_ = [
        ("ndarray", ctypes.c_void_p),
        ("f32", ctypes.c_void_p),
        ("empty", ctypes.c_void_p),
        ("small", ctypes.c_int64),
    ]


@cache
def has_builtins(unit: str) -> bool:
    """Whether a unit has builtins here: it is then told what they need."""
    from facula.graph.runtime.calls import is_laid_out_as_expected

    library = units.unit(unit)
    if library is None or not is_laid_out_as_expected():
        return False
    table = ufuncs.table_of(np._core._multiarray_umath._ARRAY_API)  # type: ignore[attr-defined]
    found = _Python.in_dll(library, "python")
    found.ndarray, found.f32, found.empty = id(np.ndarray), id(F32), table[_EMPTY]
    found.small = units.SMALL
    return True


def builtin(unit: str, name: str, kernel: Callable[..., Any]) -> Callable[..., Any] | None:
    """The builtin NAME of a unit, which passes on to `kernel` what it does not do; None where there is none."""
    from facula.graph.runtime.calls import new_builtin

    library = units.unit(unit)
    return new_builtin(library, name, kernel) if library and has_builtins(unit) else None


def exchange(backend: Any, unit: str, name: str, kernel: Callable[..., Any]) -> None:
    """Puts the builtin NAME of a unit in place of `kernel`, unless another provider's kernel stands above it."""
    if backend.__dict__.get(name) is kernel:
        setattr(backend, name, builtin(unit, name, kernel) or kernel)
