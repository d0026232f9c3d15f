"""Elementwise kernels: NumPy's loops, run in parts on all threads.

The kernels of a device are exchanged for the threaded ones once it holds an array that is large enough to gain by
them: until then nothing is compiled or loaded, and a small array's operation is at all times one call of a ufunc.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from facula.dtypes import B8, F64
from facula_native import memory, ufuncs, units
from facula_native.builtins import has_builtins
from facula_numpy import inplace

#: Ops whose result may be the first large array: they look, until one is.
MAKERS = ("full", "empty", "rand", "randn", "random_words", "sequence", "cast", "clone")
_WRITING = {
    "add": inplace.scaled,
    "sub": inplace.scaled,
    "mul": inplace.binary,
    "div": inplace.binary,
}
#: How much work an element of these loops is, for how many a thread must have: of an addition, of an exponential.
_CHEAP, _DEAR = 1, 8
_DEAR_ONES = frozenset(
    (
        "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
        "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "arctan2", "power", "hypot", "logaddexp2", "floor_divide",
        "remainder", "fmod",
    )
)  # fmt: skip


class Split(ctypes.Structure):
    """`split_t` of split.c: a loop, and from how many elements on it is split."""

    _fields_ = [
        ("loop", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("operands", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("least", ctypes.c_int64),
    ]


_splits: list[Split] = []


def split_address() -> int | None:
    """Of the function that splits loops; None where nothing can be compiled."""
    library = units.unit("split")
    return library and ctypes.cast(library.split, ctypes.c_void_p).value


@cache
def own(unit: str, name: str, chars: str, work: int) -> np.ufunc | None:
    """A ufunc of the loop NAME_loop of a unit, for operands of the dtypes `chars`, the last of which is the result.

    `work` is what an element costs, in additions.
    """
    library, split = units.unit(unit), split_address()
    if library is None or split is None:
        return None
    loop = ctypes.cast(library[f"{name}_loop"], ctypes.c_void_p).value
    inputs = len(chars) - 1
    _splits.append(Split(loop, None, len(chars), inputs, max(1, units.SMALL // work // 2)))
    return ufuncs.make(name, inputs, 1, [(chars, split, ctypes.addressof(_splits[-1]))])


@cache
def threaded(ufunc: np.ufunc) -> np.ufunc:
    """A copy of `ufunc` whose loops are split; `ufunc` itself where nothing can be compiled."""
    split = split_address()
    if split is None:
        return ufunc
    least = max(1, units.SMALL // (_DEAR if ufunc.__name__ in _DEAR_ONES else _CHEAP) // 2)

    def shared(chars: str, loop: int, data: int) -> tuple[int, int]:
        _splits.append(Split(loop, data or None, len(chars), ufunc.nin, least))
        return split, ctypes.addressof(_splits[-1])

    made = ufuncs.copy(ufunc, shared)
    if made.nin == 2 and made.nout == 1 and (call := broadcasting_address()):
        ufuncs.call_of(made).value = call
    return made


class Broadcast(ctypes.Structure):
    """`broadcast` of split.c."""

    _fields_ = [("f64", ctypes.c_void_p), ("b8", ctypes.c_void_p), ("numpys", ctypes.c_void_p)]


@cache
def broadcasting_address() -> int | None:
    """Of the function that calls a ufunc on all threads where an operand is broadcast; None where there is none."""
    library = units.unit("split")
    if library is None or not has_builtins("split"):
        return None
    found = Broadcast.in_dll(library, "broadcast")
    try:
        found.f64, found.b8, found.numpys = id(F64), id(B8), ufuncs.call_of(np.add).value
    except RuntimeError:  # a NumPy that lays ufuncs out in another way: it does what is broadcast
        return None
    return ctypes.cast(library.call_broadcasting, ctypes.c_void_p).value


class Elementwise:
    """The elementwise kernels of one backend, before and after they are exchanged."""

    def __init__(self, backend: Any):
        self.backend = backend
        self.below: dict[str, np.ufunc] = {}
        self.kernels: dict[str, np.ufunc] = {}
        self.looking: dict[str, tuple[Any, Any]] = {}
        self.is_settled = False
        backend.asarray = self.watched(backend.asarray)

    def kernel(self, name: str, ufunc: np.ufunc) -> Any:
        """What `name` is for now."""
        self.below[name] = ufunc
        return self.kernels.get(name, ufunc)

    def maker(self, name: str, below: Callable[..., Any]) -> Callable[..., Any]:
        """`below`, which makes arrays: the first large one settles the kernels."""
        if self.is_settled:
            return below
        call = self.watched(below)
        self.looking[name] = call, below
        return call

    def watched(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = below(*args, **kwargs)
            if out.size >= units.SMALL and out.dtype.kind == "f":
                self.settle()
            return out

        return call

    def settle(self) -> None:
        """Exchanges the kernels; compiles what they need."""
        if self.is_settled:
            return
        self.is_settled = True
        vars(self.backend).pop("asarray", None)
        for name, (call, below) in self.looking.items():
            if getattr(self.backend, name) is call:
                setattr(self.backend, name, below)
        if split_address() is None:
            return
        memory.keep()
        units.awake()
        for name, ufunc in self.below.items():
            self.kernels[name] = threaded(ufunc)
            if getattr(self.backend, name) is ufunc:  # else another provider stands above us
                setattr(self.backend, name, self.kernels[name])
        for name, writing in _WRITING.items():
            self.backend.inplace_kernels[f"{name}_"] = writing(self.kernels[name])
