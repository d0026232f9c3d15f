"""A compiled program that is ready to run, over NumPy arrays."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facula.graph.codegen.program import raise_for
from facula.graph.compiler.artifact import Artifact
from facula.graph.compiler.planned import Planned, plan_again
from facula.graph.compiler.shares import cuts
from facula.graph.runtime import (
    bfloat16_gemm_address,
    gemm_address,
    gemm_name,
    load,
    shared_library,
)
from facula.graph.runtime.calls import Table
from facula.graph.runtime.primitives import PrimitiveMissing

_MASK = 2**64 - 1
#: Of the products that a program calls: those that may be given more to do.
THEN = "_then"

#: No array.
_NOTHING: tuple[Any, Any, int] = (None, None, 0)


class _Context(ctypes.Structure):
    _fields_ = [
        ("shares", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("keys", ctypes.c_void_p),
        ("flag", ctypes.c_void_p),
        ("gemm", ctypes.c_void_p),
        ("barrier", ctypes.c_void_p),
        ("plans", ctypes.c_void_p),
        ("gemm_bf16", ctypes.c_void_p),
        ("in_pieces", ctypes.c_void_p),
    ]


class _Share(ctypes.Structure):
    """A thread's part, as runtime/shares.c changes it."""

    _fields_ = [
        ("cut", ctypes.c_int64),
        ("low", ctypes.c_int64),
        ("high", ctypes.c_int64),
        ("spent", ctypes.c_uint64),
        ("votes", ctypes.c_int64),
        ("apart", ctypes.c_int64 * 3),
    ]


class Stale(Exception):
    """What an artifact asks for is otherwise here."""


class Compiled:
    """A program that is ready to run. `source` is its C text.

    Plans that are there already are taken from `plans`, by their requests; the others are made. Raises Stale where that
    gives other ones than those that the artifact is about.
    """

    #: Each output has memory of its own, or is an updated input.
    owns_outputs = True

    def __init__(self, artifact: Artifact, plans: Mapping[tuple[Any, ...], Planned] | None = None):
        self.artifact = artifact
        self.source, self.threads, self.is_short = (
            artifact.source,
            artifact.threads,
            artifact.is_short,
        )
        self.options, self.inputs, self.arena = artifact.options, artifact.inputs, artifact.arena
        self.plans = [_plan(*request, plans or {}) for request in artifact.plans]
        #: Per output: its slot, and what makes memory for it; None where it is an updated input.
        self.results = [
            (x.slot, None if x.is_update else Results(x.shape, x.dtype)) for x in artifact.outputs
        ]
        self.constants = [
            (x.slot, np.frombuffer(x.data, np.uint8).copy()) for x in artifact.constants
        ]
        self.temporary = np.empty(artifact.arena_bytes + 64, np.uint8)
        self.library = load(artifact.source, "-ffp-contract=off")
        self.entry = ctypes.cast(self.library.program, ctypes.c_void_p)
        self._prepare()

    @property
    def description(self) -> str:
        """In words, for people."""
        products = f", products of matrices by {gemm_name()}" if "p->gemm(" in self.source else ""
        return f"one C function on {self.threads} thread{'s' * (self.threads > 1)}{products}"

    def hold(self, held: Sequence[bool]) -> None:
        """Told which inputs are tensors that the program holds anyway: their addresses are looked up once."""
        self.passing = [i for i, kept in enumerate(held) if not kept]

    def _prepare(self) -> None:
        #: Per input: the array that was given last, one of its values in order, the address of that.
        self.kept: list[tuple[Any, Any, int]] = [_NOTHING] * len(self.inputs)
        self.passing = list(range(len(self.inputs)))
        self.pointers = (ctypes.c_void_p * (self.arena + 1))()
        start = self.temporary.ctypes.data
        self.pointers[self.arena] = start + -start % 64
        for slot, data in self.constants:
            self.pointers[slot] = data.ctypes.data
        self.keys = (ctypes.c_uint64 * (3 * self.options + 1))()
        self.flag = (ctypes.c_int64 * 3)()
        loaded = shared_library()
        self.addresses = (ctypes.c_void_p * (len(self.plans) + 1))(*[p.address for p in self.plans])
        self.shares = (_Share * (self.threads + 1))(*(_Share(*c) for c in cuts(self.threads)))
        self.context = _Context(
            ctypes.addressof(self.shares),
            ctypes.addressof(self.pointers),
            ctypes.addressof(self.keys),
            ctypes.addressof(self.flag),
            gemm_address(THEN),
            ctypes.cast(loaded.barrier, ctypes.c_void_p),
            ctypes.addressof(self.addresses),
            bfloat16_gemm_address(THEN),
            ctypes.cast(loaded.in_pieces, ctypes.c_void_p),
        )
        self.context_address = ctypes.addressof(self.context)
        self.run = loaded.run_program
        self.lock = threading.Lock()

    def __call__(self, arrays: Sequence[Any], options: Sequence[Any]) -> list[Any]:
        """The outputs; updated inputs are written where they are, and are those outputs."""
        with self.lock:  # the pointers and the temporaries are the program's own
            return self._call(arrays, options)

    def _call(self, arrays: Sequence[Any], options: Sequence[Any]) -> list[Any]:
        pointers, kept = self.pointers, self.kept
        for i, array in enumerate(arrays):
            if kept[i][0] is not array:
                found = self._checked(i, array)
                kept[i] = array, found, found.__array_interface__["data"][0]
            pointers[i] = kept[i][2]
        self.set_keys(options)
        out = [kept[slot][1] if new is None else new(pointers, slot) for slot, new in self.results]
        self.run(self.entry, self.context_address, self.threads)
        for i in self.passing:
            kept[i] = _NOTHING
        if self.flag[0]:
            self._fail()
        return out

    def _checked(self, i: int, array: Any) -> Any:
        shape, dtype = self.inputs[i]
        if (
            array.shape != shape or array.dtype != dtype
        ):  # looked at before, but since then exchanged
            raise RuntimeError(
                f"input {i} of a compiled program was given other data by another thread: "
                f"{array.dtype}{list(array.shape)}, expected {dtype}{list(shape)}"
            )
        if not array.flags.c_contiguous:
            return np.ascontiguousarray(array)
        if not array.flags.writeable and any(slot == i and new is None for slot, new in self.results):  # fmt: skip
            raise ValueError(
                f"a compiled program updates its input {i} of shape {list(shape)} in place, but that memory is read-only: give it a copy"
            )
        return array

    def set_keys(self, options: Sequence[Any]) -> None:
        """Puts the keys of random ops where the program reads them."""
        for i, key in enumerate(options):
            self.keys[3 * i] = key.seed & _MASK
            self.keys[3 * i + 1] = key.offset & _MASK
            self.keys[3 * i + 2] = key.offset >> 64 & _MASK

    def _fail(self) -> None:
        found = tuple(self.flag)
        self.flag[0] = 0
        raise_for(found)

    def writes_in_place(self, out: int) -> bool:
        """Whether an output is an updated input, if that is row-major."""
        return self.results[out][1] is None

    def call_table(self, inputs: Sequence[Any]) -> Table:
        """For `run` of calls.c: each input is an array, or the number of a tensor among the arguments."""
        addresses = [
            ctypes.addressof(self.pointers),
            ctypes.cast(self.run, ctypes.c_void_p).value,
            self.entry.value,
        ]
        table = Table().numbers(*addresses, self.context_address, ctypes.addressof(self.flag))  # type: ignore[arg-type]
        table.objects(np.empty, self._fail)
        table.numbers(self.threads, self.is_short, len(inputs), len(self.results))
        for slot, x in enumerate(inputs):
            _add_array(table.numbers(slot), x)
        for slot, new in self.results:
            _add_array(table.numbers(slot), -1 if new is not None else inputs[slot])
            if new is None:
                table.numbers(0, 0)
            elif new.is_large:
                table.objects((new.shape, new.dtype), new.arrays)
            else:
                table.objects((new.shape, new.dtype)).numbers(0)
        return table


def _add_array(table: Table, x: Any) -> None:
    """An array, or the number of one that is found at each call."""
    if isinstance(x, int):
        table.numbers(0, x)
    else:
        table.objects(x).numbers(0)


def _plan(words: tuple[Any, ...], workspace: int, known: Mapping[tuple[Any, ...], Planned]) -> Planned:  # fmt: skip
    try:
        plan = known.get(words) or plan_again(words)
    except PrimitiveMissing:
        raise Stale from None
    if plan.workspace != workspace:
        raise Stale
    return plan


class Results:
    """Memory for one output: an array that nobody else holds any more is used again, so that no page is fetched anew."""

    #: Bytes below which a new array costs less than looking for an old one.
    LITTLE = 4096

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self.shape, self.dtype = shape, dtype
        self.arrays: list[Any] = [None, None]
        self.is_large = math.prod(shape) * dtype.itemsize >= self.LITTLE

    def __call__(self, pointers: Any, slot: int) -> Any:
        """An array for the results, its address put under `slot`."""
        array = self._free() if self.is_large else None
        if array is None:
            array = np.empty(self.shape, self.dtype)
            if self.is_large:
                self.arrays[:] = self.arrays[1], array
        pointers[slot] = array.__array_interface__["data"][0]
        return array

    def _free(self) -> Any:
        for at in range(len(self.arrays)):
            if self.arrays[at] is not None and _holders(self.arrays, at) == _NOBODY_ELSE:
                return self.arrays[at]
        return None


def _holders(arrays: list[Any], at: int) -> int:
    return sys.getrefcount(arrays[at])


#: What `_holders` finds for an array that only the list has; how Python counts its own variables differs between versions.
_NOBODY_ELSE = _holders([np.empty(0)], 0)
