"""Memory of large arrays is kept when it is freed: fresh memory costs more than most kernels that fill it.

NumPy lets its memory be handled by others (NEP 49): for arrays made from then on in this thread, in facula or elsewhere.
FACULA_NATIVE_KEEP in the environment is how many megabytes are kept at most; 0 leaves NumPy's own way in place.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import numpy as np

from facula_native import ufuncs, units

LIMIT = int(os.environ.get("FACULA_NATIVE_KEEP", 256)) << 20
_SET_HANDLER, _DEFAULT_HANDLER = (
    304,
    306,
)  # places in NumPy's table _ARRAY_API, the same in all versions since 1.22
_capsules: list[Any] = []


class Handler(ctypes.Structure):
    """PyDataMem_Handler of numpy/ndarraytypes.h."""

    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("allocator", ctypes.c_void_p * 5),
    ]


def keep() -> None:
    """Has freed memory kept, where this C library can tell a block's size (glibc)."""
    if (
        not LIMIT
        or not sys.platform.startswith("linux")
        or os.confstr("CS_GNU_LIBC_VERSION") is None
    ):
        return
    library = units.unit("memory")
    if library is None:
        return
    table = ufuncs.table_of(np._core._multiarray_umath._ARRAY_API)  # type: ignore[attr-defined]
    default = ctypes.cast(table[_DEFAULT_HANDLER], ctypes.POINTER(ctypes.py_object))[0]
    below = Handler.from_address(ufuncs.pointer_of(default, b"mem_handler"))
    if below.version != 1:
        return
    ctypes.c_void_p.in_dll(library, "below").value = (
        ctypes.addressof(below) + Handler.allocator.offset
    )
    ctypes.c_int64.in_dll(library, "memory_limit").value = LIMIT
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    handler = Handler.in_dll(library, "memory_handler")
    _capsules.append((b"mem_handler", new(ctypes.addressof(handler), b"mem_handler", None)))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[_SET_HANDLER])
    set_handler(_capsules[-1][1])
