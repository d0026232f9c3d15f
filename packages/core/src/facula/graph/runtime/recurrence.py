"""Recurrent layers as one call for all their steps (`recurrence.c`)."""

from __future__ import annotations

import ctypes
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from facula.graph.runtime.shared_library import shared_library
from facula.graph.runtime.unit import load

#: Kinds of layers, as recurrence.c counts them.
LSTM, GRU, TANH, RELU = range(4)
#: Sums that a unit has, by kind.
GATES = (4, 3, 1, 1)
#: The arrays of `forward_t` and `back_t` in their order, those that are written last.
FORWARD = (
    "sums", "state", "cell", "weights", "bias", "mask", "output", "gates", "cells", "workspace",
)  # fmt: skip
BACK = (
    "g_output", "g_state", "g_cell", "gates", "states", "cell", "weights", "mask",
    "to_sums", "to_products", "to_state", "to_cell", "workspace",
)  # fmt: skip


class _Layer(ctypes.Structure):
    _fields_ = [
        ("part", ctypes.c_void_p),
        *[(name, ctypes.c_int64) for name in ("kind", "back", "length", "batch", "hidden", "reverse")],
    ]  # fmt: skip


class Shape(NamedTuple):
    """A layer in one direction: `back` for its gradient."""

    kind: int
    back: bool
    length: int
    batch: int
    hidden: int
    reverse: bool

    @property
    def multiplications(self) -> int:
        """How many the products of all steps have."""
        return self.length * self.batch * self.hidden * GATES[self.kind] * self.hidden


def library() -> ctypes.CDLL:
    """The unit of recurrence.c. Raises as `load` does."""
    return _library_on(shared_library())


@cache
def _library_on(shared: ctypes.CDLL) -> ctypes.CDLL:
    """The unit, whose threads wait for each other in the pool of `shared`: a barrier of another pool would never open."""
    from facula.graph.codegen import C
    from facula.graph.codegen.library import functions_for

    here = Path(__file__)
    text = "".join(here.with_name(name).read_text() for name in ("tile.c", "recurrence.c"))
    found = load(f"{C.preamble}{functions_for(text, C)}\n{text}", "-ffp-contract=fast", "-pthread")
    for name in ("barrier", "run", "run_some"):
        function = ctypes.cast(getattr(shared, name), ctypes.c_void_p)
        ctypes.c_void_p.in_dll(found, f"pool_{name}").value = function.value
    found.recurrence_workspace.restype = ctypes.c_int64
    return found


class Recurrence:
    """What a layer of a shape needs: its struct's `address`, and `workspace` bytes of memory for `threads` threads."""

    def __init__(self, shape: Shape, threads: int):
        self.shape, self.threads = shape, threads
        found = library()
        self.struct = _Layer(ctypes.cast(found.recurrence_part, ctypes.c_void_p), *shape)
        self.address = ctypes.addressof(self.struct)
        self.names: tuple[str, ...] = BACK if shape.back else FORWARD
        first = self.names.index("to_sums" if shape.back else "output")
        #: The places of those that are written.
        self.written = tuple(range(first, len(self.names)))
        self.workspace = found.recurrence_workspace(ctypes.c_void_p(self.address), threads)
        self._pointers = ctypes.c_void_p * len(self.names)
        self._run = found.recurrence_run

    def run(self, *addresses: int) -> None:
        """Does it, with the addresses of arrays in the order of `names`; 0 for those that there are not."""
        pointers = self._pointers(*addresses)
        self._run(ctypes.c_void_p(self.address), pointers, self.threads)


@lru_cache(maxsize=256)
def recurrence(shape: Shape, threads: int) -> Recurrence:
    return Recurrence(shape, threads)
