"""Builtins of Python made of calls.c: they compare by identity what a program rests on, and run it.

What a builtin looks at is a `Table`. Where there is no C compiler, or Python's objects are not laid out as on CPython
with its interpreter lock, there are none, and all of this is done in Python.
"""

from __future__ import annotations

import array
import ctypes
import sys
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facula._tensor import Tensor, View
from facula.graph.runtime.unit import CompilerMissing, load

#: Arguments that a builtin can look at.
MOST_ARGUMENTS = 64
#: Symbols of Python's interpreter are found when the library is loaded.
FLAGS = ("-Wl,-undefined,dynamic_lookup",) if sys.platform == "darwin" else ()


class Kind(IntEnum):
    """How a place is looked at; its words are said in calls.c."""

    DICT = 0
    LIST = 1
    ITEMS = 2
    CELL = 3
    KEY = 4
    ATTRIBUTE = 5
    RESULT = 6
    TRUTH = 7
    SIZE = 8
    WORD = 9
    END = -1


class Table:
    """Words for a builtin, and the objects whose addresses are among them."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.held: list[Any] = []

    def numbers(self, *numbers: int) -> Table:
        self.words.extend(numbers)
        return self

    def objects(self, *objects: Any) -> Table:
        self.held.extend(objects)
        self.words.extend(map(id, objects))
        return self

    def size(self, container: Any, length: int) -> None:
        """The place of a container's length, and what was there."""
        at = _LENGTHS.get(type(container))
        if at is None:
            self.numbers(Kind.SIZE).objects(container)
        else:
            self.held.append(container)
            self.numbers(Kind.WORD, id(container) + at)
        self.numbers(length)


def builtin(name: str, *tables: Table) -> Callable[..., Any]:
    """The function of calls.c with that name, for these tables. Only where `has_builtins`."""
    texts = [array.array("q", t.words).tobytes() for t in tables]
    held = [x for t in tables for x in t.held]
    return new_builtin(_unit(), name, (*texts, held))  # type: ignore[arg-type]


def new_builtin(library: ctypes.CDLL, name: str, self: Any) -> Callable[..., Any]:
    """A builtin of Python with that `self`, of a library that describes it in `NAME_method` (CPython's PyMethodDef)."""
    method = ctypes.c_char.in_dll(library, f"{name}_method")
    return _new_builtin(ctypes.addressof(method), self, None)  # type: ignore[no-any-return]


def has_builtins() -> bool:
    """Whether there are any."""
    return _unit() is not None


_new_builtin = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
)(("PyCFunction_NewEx", ctypes.pythonapi))


@cache
def _unit() -> ctypes.CDLL | None:
    """The loaded library; None where there can be none."""
    if not is_laid_out_as_expected():
        return None
    try:
        library = load(Path(__file__).with_name("calls.c").read_text(), *FLAGS)
    except (CompilerMissing, RuntimeError, OSError):
        return None
    slots = ("_array", "_backend", "_node", "_requires_grad", "_view", "_cell")
    words = [
        *(_offset(Tensor, s) for s in slots),
        _offset(View, "base"),
        id(Tensor),
        id(np.ndarray),
        id(object.__new__),
    ]
    library.set_layout((ctypes.c_int64 * len(words))(*words))
    return library


def _offset(kind: type, slot: str) -> int:
    """Where in an instance's memory a slot is: where its value is found."""
    made: Any = object.__new__(kind)
    mark = object()
    setattr(made, slot, mark)
    words = (ctypes.c_int64 * (kind.__basicsize__ // 8)).from_address(id(made))
    return list(words).index(id(mark)) * 8


class _Array(ctypes.Structure):
    """The beginning of an array's memory, which NumPy's header `ndarraytypes.h` makes public."""

    _fields_ = [
        ("holders", ctypes.c_uint32),
        ("more", ctypes.c_uint32),
        ("type", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("ndim", ctypes.c_int),
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("base", ctypes.c_void_p),
        ("dtype", ctypes.c_void_p),
    ]


#: Where in their memory containers have their length.
_LENGTHS: dict[Any, int] = {dict: 16, OrderedDict: 16, list: 16, set: 24}


@cache
def is_laid_out_as_expected() -> bool:
    """Whether objects have a count and a type in front (no free threading, no debugging), and arrays the fields above.

    Not on Windows, where a library cannot leave the interpreter's symbols open.
    """
    if sys.platform == "win32" or sys.implementation.name != "cpython" or object.__basicsize__ != 16 or np.intp(0).itemsize != 8:  # fmt: skip
        return False
    for kind, at in _LENGTHS.items():
        three = kind(zip("abc", "abc"))
        if ctypes.c_int64.from_address(id(three) + at).value != 3:
            return False
    made: list[Any] = [np.zeros((5, 3), np.float32)[::2]]
    found = _Array.from_address(id(made[0]))
    return (
        found.holders == 1
        and found.type == id(np.ndarray)
        and found.data == made[0].__array_interface__["data"][0]
        and found.ndim == 2
        and tuple(found.sizes[:2]) == (3, 3)
        and tuple(found.strides[:2]) == (24, 4)
        and found.base == id(made[0].base)
        and found.dtype == id(made[0].dtype)
    )
