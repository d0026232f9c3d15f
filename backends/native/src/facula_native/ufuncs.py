"""NumPy's own functions of arrays (ufuncs) with other loops: no Python runs between a call and the loop.

A ufunc is made by NumPy's C interface, which it gives to extension modules as a table (`_UFUNC_API`). The public part of its
struct has the loops of each combination of dtypes; a copy takes them over, in place of which the caller may put others.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

#: Loops and names that ufuncs point to: they live as long as the process.
_kept: list[Any] = []

LOOP = ctypes.c_void_p


class Struct(ctypes.Structure):
    """The first fields of PyUFuncObject (numpy/ufuncobject.h), the same in all versions of NumPy 2."""

    _fields_ = [
        ("head", ctypes.c_byte * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(LOOP)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_char)),
        ("doc", ctypes.c_char_p),
        ("memory", ctypes.c_void_p),
        ("object", ctypes.c_void_p),
        ("userloops", ctypes.c_void_p),
    ]


class UserLoop(ctypes.Structure):
    """PyUFunc_Loop1d: a loop over dtypes that are not NumPy's, such as bfloat16."""


UserLoop._fields_ = [
    ("loop", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
    ("types", ctypes.POINTER(ctypes.c_int)),
    ("next", ctypes.POINTER(UserLoop)),
    ("nargs", ctypes.c_int),
]


def struct_of(ufunc: np.ufunc) -> Struct:
    """The fields of a ufunc. Raises RuntimeError where this NumPy lays them out otherwise."""
    found = Struct.from_address(id(ufunc))
    told = (found.nin, found.nout, found.nargs, found.ntypes)
    if (
        told != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes)
        or found.name != ufunc.__name__.encode()
    ):
        raise RuntimeError(f"NumPy {np.__version__} lays ufuncs out in an unknown way")
    return found


def pointer_of(capsule: Any, name: bytes | None = None) -> int:
    """What a capsule of Python's C interface holds. Raises ValueError where it has another name."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)  # type: ignore[no-any-return]


def table_of(capsule: Any) -> Any:
    """NumPy's table of addresses that a capsule holds."""
    return ctypes.cast(pointer_of(capsule), ctypes.POINTER(ctypes.c_void_p))


@cache
def _makers() -> tuple[Any, Any]:
    """PyUFunc_FromFuncAndData and PyUFunc_FromFuncAndDataAndSignature."""
    table = table_of(np._core._multiarray_umath._UFUNC_API)  # type: ignore[attr-defined]
    common = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 4 + [ctypes.c_char_p] * 2 + [ctypes.c_int]
    plain = ctypes.PYFUNCTYPE(ctypes.py_object, *common)
    generalized = ctypes.PYFUNCTYPE(ctypes.py_object, *common, ctypes.c_char_p)
    return plain(table[1]), generalized(table[31])


NO_IDENTITY = -1


def make(
    name: str, nin: int, nout: int, loops: list[tuple[str, int, int]], signature: str = ""
) -> np.ufunc:
    """A ufunc of `loops`: (characters of the operands' dtypes, address of the loop, address of its data).

    `signature`: as NumPy's, for loops over rows, such as '(n)->(n)'.
    """
    count, nargs = len(loops), nin + nout
    functions = (LOOP * count)(*[loop for _, loop, _ in loops])
    data = (ctypes.c_void_p * count)(*[d or None for _, _, d in loops])
    numbers = b"".join(bytes(np.dtype(c).num for c in chars) for chars, _, _ in loops)
    types = (ctypes.c_char * (count * nargs)).from_buffer_copy(numbers)
    texts = (name.encode(), b"", signature.encode())
    _kept.append((functions, data, types, texts))
    plain, generalized = _makers()
    fixed = (functions, data, types, count, nin, nout, NO_IDENTITY, texts[0], texts[1], 0)
    return generalized(*fixed, texts[2]) if signature else plain(*fixed)  # type: ignore[no-any-return]


def loops_of(ufunc: np.ufunc) -> list[tuple[str, int, int]]:
    """What `make` takes, of a ufunc that is there; loops over Python objects and dates are left out."""
    found = struct_of(ufunc)
    out = []
    for i, text in enumerate(ufunc.types):
        chars = text.replace("->", "")
        if not set(chars) & set("OMm"):
            data = found.data[i] if found.data else None
            out.append((chars, found.functions[i] or 0, data or 0))
    return out


def user_loops_of(ufunc: np.ufunc) -> Iterator[tuple[int, UserLoop]]:
    """(number of the dtype, loop) of all loops over dtypes that are not NumPy's."""
    at = struct_of(ufunc).userloops
    if not at:
        return
    for number, capsule in ctypes.cast(at, ctypes.py_object).value.items():
        found = ctypes.cast(pointer_of(capsule), ctypes.POINTER(UserLoop))
        while found:
            yield number, found.contents
            found = found.contents.next


def copy(ufunc: np.ufunc, replace: Callable[[str, int, int], tuple[int, int]]) -> np.ufunc:
    """A ufunc whose loops are those that `replace(characters, loop, data)` gives for each; those of user dtypes stay."""
    loops = [(chars, *replace(chars, loop, data)) for chars, loop, data in loops_of(ufunc)]
    made = make(ufunc.__name__, ufunc.nin, ufunc.nout, loops)
    table = table_of(np._core._multiarray_umath._UFUNC_API)  # type: ignore[attr-defined]
    register = ctypes.PYFUNCTYPE(
        ctypes.c_int,
        ctypes.py_object,
        ctypes.c_int,
        LOOP,
        ctypes.POINTER(ctypes.c_int),
        ctypes.c_void_p,
    )(table[2])
    for number, loop in user_loops_of(ufunc):
        register(made, number, loop.loop, loop.types, loop.data)
    return made


def call_of(ufunc: np.ufunc) -> Any:
    """Where a ufunc has the address of the function that calls it (PEP 590). Raises RuntimeError where it is not found."""
    offset_at = id(np.ufunc) + object.__basicsize__ + 5 * ctypes.sizeof(ctypes.c_ssize_t)
    offset = ctypes.c_ssize_t.from_address(offset_at).value
    if not ctypes.sizeof(Struct) <= offset < np.ufunc.__basicsize__:
        raise RuntimeError(f"NumPy {np.__version__} lays ufuncs out in an unknown way")
    return ctypes.c_void_p.from_address(id(ufunc) + offset)
