"""`compile(backend="c")`: a captured graph as one C function over NumPy arrays."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from facula.graph.codegen.program import raise_for
from facula.graph.compiler.collapse import collapse
from facula.graph.compiler.emit import Emitter
from facula.graph.compiler.fuse import fuse
from facula.graph.compiler.hoist import hoist
from facula.graph.compiler.join_equal import join_equal
from facula.graph.compiler.lower import CompileError, Memory, lower
from facula.graph.compiler.nests import nests_of
from facula.graph.compiler.plan import arena, update_in_place
from facula.graph.compiler.schedule import is_worth, schedule, work_of
from facula.graph.compiler.split_sums import split_sums
from facula.graph.ir import Graph
from facula.graph.runtime import CompilerMissing, gemm_address, load, shared_library
from facula.graph.runtime.calls import Table
from facula.threads import get_num_threads

_MASK = 2**64 - 1
#: Work of a program up to which it keeps the interpreter lock, as giving it away and waiting for it costs more: some 10 us.
_SHORT = 300_000

#: No array.
_NOTHING: tuple[Any, Any, int] = (None, None, 0)


class _Context(ctypes.Structure):
    _fields_ = [
        ("memory", ctypes.c_void_p),
        ("keys", ctypes.c_void_p),
        ("flag", ctypes.c_void_p),
        ("gemm", ctypes.c_void_p),
        ("barrier", ctypes.c_void_p),
        ("plans", ctypes.c_void_p),
    ]


def compile_c(graph: Graph, backend: Any, is_default: bool = False) -> Compiled | None:
    """A graph on NumPy arrays as a C function; None, with a warning, where that cannot be.

    Then the graph is replayed kernel by kernel. What stands against it: arrays on another device, ops
    that only the host can run (svd, fft), no C compiler, a compiler that fails (its log is shown).
    With `is_default`, where nobody asked for C by its name, only the last two are worth a warning.
    """
    if backend is None or backend.device.type != "cpu":
        if not is_default:
            _declined("its tensors are not all on the cpu device")
        return None
    try:
        return Compiled(graph, get_num_threads())
    except CompileError as error:
        if not is_default:
            _declined(str(error))
    except CompilerMissing as error:
        if not _said:
            _said.append(str(error))
            _declined(str(error))
    except (RuntimeError, OSError) as error:
        _declined(str(error))
    return None


#: That a compiler is missing is said once.
_said: list[str] = []


def _declined(reason: str) -> None:
    warnings.warn(
        f"a captured program is replayed kernel by kernel, not compiled: {reason}", stacklevel=6
    )


class Compiled:
    """A program that is ready to run. `source` is its C text."""

    #: Each output has memory of its own, or is an updated input.
    owns_outputs = True

    def __init__(self, graph: Graph, threads: int):
        lowered = lower(graph, threads)
        nests = nests_of(lowered.launches)
        outputs = [x.buffer for x in lowered.outputs]
        nests = hoist(join_equal(nests, set(outputs)))
        nests = split_sums(collapse(fuse(nests, set(outputs))))
        self.options = len(graph.options)
        positions = {v: i for i, v in enumerate(graph.inputs)}
        updates = [
            (lowered.inputs[positions[k]].buffer, outputs[graph.outputs.index(v)])
            for k, v in graph.updates.items()
        ]
        self.inputs = [x.buffer for x in lowered.inputs]
        in_place = update_in_place(nests, updates)
        self.expected = [(v.shape, v.dtype) for v in graph.inputs]
        self.shapes = [(v.shape, v.dtype) for v in graph.outputs]
        slots = self._slots(nests, outputs, in_place)
        threads, waits = self._meetings(nests, threads, slots)
        self._place(nests, slots, waits)
        shares, waits = schedule(nests, threads, self.places)
        self.nests, self.threads, self.waits = nests, threads, waits
        self.is_short = threads == 1 and sum(map(work_of, nests)) < _SHORT
        emitter = Emitter(self.places, threads)
        self.source = emitter.source(nests, shares, waits)
        self.plans = emitter.plans
        library = load(self.source, "-ffp-contract=off")
        self.entry = ctypes.cast(library.program, ctypes.c_void_p)
        self.library = library
        self._prepare()

    def _slots(self, nests: Any, outputs: list[Memory], in_place: dict[Memory, Memory]) -> dict[Memory, int]:  # fmt: skip
        """A slot for each input, constant and output."""
        slots: dict[Memory, int] = {m: i for i, m in enumerate(self.inputs)}
        #: Per output: its slot, and what makes memory for it; None where it is an updated input.
        self.results: list[tuple[int, Results | None]] = []
        for memory, (shape, dtype) in zip(outputs, self.shapes):
            if memory in in_place:
                slots[memory] = slots[in_place[memory]]
                self.results.append((slots[memory], None))
            else:
                slots.setdefault(memory, len(set(slots.values())))
                self.results.append((slots[memory], Results(shape, dtype)))
        self.constants: list[tuple[int, Any]] = []
        number = max(slots.values(), default=-1) + 1
        for nest in nests:
            for x in nest.read:
                if x.memory.role == "constant" and x.memory not in slots:
                    slots[x.memory] = number
                    data = np.frombuffer(x.memory.data, np.uint8).copy()
                    self.constants.append((number, data))
                    number += 1
        self.arena = number
        return slots

    def _meetings(self, nests: Any, threads: int, slots: dict[Memory, int]) -> tuple[int, list[bool]]:  # fmt: skip
        """How many threads are worth it, and where they must meet if each temporary has memory of its own."""
        apart = {
            m: (i + self.arena, 0) for i, m in enumerate(m for n in nests for m in _memories(n))
        }
        places = apart | {m: (s, 0) for m, s in slots.items()}
        shares, waits = schedule(nests, threads, places)
        if threads > 1 and not is_worth(nests, shares, waits, threads):
            threads = 1
        return threads, waits if threads > 1 else []

    def _place(self, nests: Any, slots: dict[Memory, int], waits: Sequence[bool]) -> None:
        """One slot for all temporaries."""
        offsets, size = arena(nests, set(slots), waits)
        self.temporary = np.empty(size + 64, np.uint8)
        self.places = {m: (s, 0) for m, s in slots.items()}
        self.places |= {m: (self.arena, at) for m, at in offsets.items()}

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
        self.context = _Context(
            ctypes.addressof(self.pointers),
            ctypes.addressof(self.keys),
            ctypes.addressof(self.flag),
            gemm_address(),
            ctypes.cast(loaded.barrier, ctypes.c_void_p),
            ctypes.addressof(self.addresses),
        )
        self.context_address = ctypes.addressof(self.context)
        self.run = loaded.run
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
        shape, dtype = self.expected[i]
        if (
            array.shape != shape or array.dtype != dtype
        ):  # looked at before, but since then exchanged
            raise RuntimeError(
                f"input {i} of a compiled program was given other data by another thread: "
                f"{array.dtype}{list(array.shape)}, expected {dtype}{list(shape)}"
            )
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)

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


def _memories(nest: Any) -> list[Memory]:
    return [*nest.written, *(x.memory for x in nest.read)]


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
