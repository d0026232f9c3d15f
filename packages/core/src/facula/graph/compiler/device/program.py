"""`compile(backend="fused")`: a captured graph as launches of fused kernels on its device."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from facula.autograd.mode import Mode, around, state
from facula.backends.buffer.array import BufferArray
from facula.graph.codegen.elements import ELEMENTS
from facula.graph.codegen.program import source_of
from facula.graph.compiler.collapse import collapse
from facula.graph.compiler.declined import CompileError, attempt
from facula.graph.compiler.device.launches import Step, split_long, steps_of
from facula.graph.compiler.device.noting import DeviceNoting, OpNest, arrays_in, nests_for
from facula.graph.compiler.device.printing import Printed, printed
from facula.graph.compiler.fuse import fuse
from facula.graph.compiler.hoist import hoist
from facula.graph.compiler.join_equal import join_equal
from facula.graph.compiler.lower import Key, Memory, lower
from facula.graph.compiler.plan import arena, update_in_place
from facula.graph.ir import Graph

#: Bytes of an element of each storage.
SIZES = {e.storage: e.itemsize for e in ELEMENTS.values()}


def compile_fused(graph: Graph, backend: Any, is_default: bool = False) -> Fused | None:
    """A graph as fused kernels of the device that its tensors are on; None where that cannot be.

    Then it is replayed kernel by kernel; `declined` says when that is worth a warning.
    """
    return attempt(lambda: Fused(graph, device_of(graph)), graph, is_default, "as fused kernels")


def device_of(graph: Graph) -> Any:
    """The backend that everything in a graph is on. Raises CompileError where core prints no kernels for it."""
    numbers = set(graph.scalars)  # which the host computes with in a replay
    found = {v.node.backend for v in graph.inputs if v not in numbers}
    for node in graph.nodes:
        if node.backend.device.type == "cpu" and numbers.issuperset(node.inputs):
            numbers.update(v for v in node.outputs if v is not None)
        else:
            found.add(node.backend)
    if len(found) != 1 or not numbers.isdisjoint(graph.outputs):
        raise CompileError("its tensors are not all on one device")
    (backend,) = found
    if backend.raw is None:
        raise CompileError(f"core prints no kernels for device '{backend.device}'")
    return backend


class Fused:
    """A program that is ready to run. `source` is the text of its kernels, `steps` are launches and calls in order."""

    #: Each output has memory of its own, or is an updated input.
    owns_outputs = True

    def __init__(self, graph: Graph, target: Any):
        self.target, self.raw = target, target.raw
        family = self.raw.dialect.family
        lowered = lower(graph, backend=DeviceNoting(target, family))
        self.inputs = [x.buffer for x in lowered.inputs]
        for value, memory in zip(graph.inputs, self.inputs):
            if value in graph.scalars:
                memory.role = "scalar"
        self.outputs = [x.buffer for x in lowered.outputs]
        nests = hoist(join_equal(nests_for(lowered.launches), set(self.outputs)))
        nests = split_long(collapse(fuse(nests, set(self.outputs), launched=True)), family)
        positions = {v: i for i, v in enumerate(graph.inputs)}
        updates = [
            (self.inputs[positions[k]], self.outputs[graph.outputs.index(v)])
            for k, v in graph.updates.items()
        ]
        self.in_place = update_in_place(nests, updates)
        self.shapes = [(v.shape, v.dtype) for v in graph.outputs]
        steps = steps_of(nests, self.in_place)
        self._place(steps)
        kernels = {
            i: printed(s.nests, self.raw.dialect, self.in_place)
            for i, s in enumerate(steps) if not isinstance(s.nests[0], OpNest)
        }  # fmt: skip
        self.source = source_of(self.raw.dialect, [k.program for k in kernels.values()])
        self._check_dtypes("".join(k.program.text for k in kernels.values()))
        self.description = (
            f"fused kernels: {len(kernels)} launches, {len(steps) - len(kernels)} calls"
        )
        runs = iter(self.raw.build_all([k.program for k in kernels.values()]))
        self.steps: list[_Kernel | _Call] = [
            _Kernel(self, kernels[i], next(runs)) if i in kernels else _Call(self, s.nests[0])  # type: ignore[arg-type]
            for i, s in enumerate(steps)
        ]

    def _check_dtypes(self, text: str) -> None:
        lacks_double = "float64" not in self.target.dtypes
        if lacks_double and re.search(r"\bf64\b|_f64|c128", text):
            raise CompileError(f"device '{self.target.device}' does not compute in float64")

    def _place(self, steps: Sequence[Step]) -> None:
        """A slot for each input, constant, output and result of a call, and one for all other temporaries."""
        slots = {m: i for i, m in enumerate(self.inputs)}
        self.made = {m for s in steps if isinstance(s.nests[0], OpNest) for m in s.written}
        read = [x.memory for s in steps for x in s.read]
        self.constants = list(dict.fromkeys(m for m in read if m.role == "constant"))
        for memory in (*self.outputs, *self.made, *self.constants):
            if memory in self.in_place:
                slots[memory] = slots[self.in_place[memory]]
            slots.setdefault(memory, len(set(slots.values())))
        offsets, self.size = arena(steps, set(slots))  # type: ignore[arg-type]
        self.arena = len(set(slots.values()))
        self.places = {m: (s, 0) for m, s in slots.items()}
        self.places |= {m: (self.arena, at) for m, at in offsets.items()}
        self.buffers: list[Any] = [None] * (self.arena + 1)
        for memory in self.constants:
            buffer = self.raw.alloc(max(memory.nbytes, 1))
            self.raw.copy_in(buffer, memory.data)
            self.buffers[slots[memory]] = buffer
        self.held: set[int] = set()
        #: Arrays of held inputs that were looked at, and their buffers.
        self.seen: list[tuple[Any, Any]] = [(None, None)] * len(self.inputs)
        #: Outputs that kernels write: their slot, shape and dtype.
        self.fresh = [
            (slots[m], *spec) for m, spec in zip(self.outputs, self.shapes)
            if m not in self.in_place and m not in self.made
        ]  # fmt: skip

    def hold(self, held: Sequence[bool]) -> None:
        """Told which inputs are tensors that the program holds anyway: their arrays are looked at once."""
        self.held = {i for i, kept in enumerate(held) if kept}

    def __call__(self, arrays: Sequence[Any], options: Sequence[Any]) -> list[Any]:
        """The outputs; updated inputs are written where they are, and are those outputs."""
        if self.target.scope is None:
            return self._call(arrays, options)
        with self.target.scope():
            return self._call(arrays, options)

    def _call(self, arrays: Sequence[Any], options: Sequence[Any]) -> list[Any]:
        run = _Run(self, options)
        seen = self.seen
        for i, array in enumerate(arrays):
            known = seen[i]
            if array is known[0]:
                run.arrays[i], run.buffers[i] = known
            elif self.inputs[i].role == "scalar":
                run.numbers[i] = array.item()
            else:
                self._take(run, i, array)
        for slot, shape, dtype in self.fresh:
            run.put(slot, self.raw.lower(self.raw.empty(shape, dtype)))
        if self.size:
            run.buffers[self.arena] = self.raw.alloc(self.size)
        for step in self.steps:
            if isinstance(state.mode, Mode):
                self._watched(step, run)
            else:
                step(run)
        return [self._result(run, m, *spec) for m, spec in zip(self.outputs, self.shapes)]

    def _take(self, run: _Run, i: int, array: Any) -> None:
        """An array as input `i`, remembered where it lies whole and at the beginning of memory that a tensor holds."""
        ordered = self.target.is_contiguous(array)
        run.put(i, array if ordered else self.target.copy(array))
        if i in self.held and ordered and not run.starts[i]:
            self.seen[i] = array, run.buffers[i]

    def _watched(self, step: _Kernel | _Call, run: _Run) -> None:
        """A step that a profile is told of; what a device's own launches tell of themselves is in it."""
        timed = getattr(self.target, "timed", None)
        if self.target.profile is None or timed is None or isinstance(step, _Call):
            around(step.name, lambda: step(run))
        else:
            around(step.name, lambda: timed(f"{self.target.device.type} {step.name}", lambda: step(run)))  # fmt: skip

    def _result(self, run: _Run, memory: Memory, shape: tuple[int, ...], dtype: Any) -> Any:
        """An output. What a call made may have been seen in another shape since."""
        array = run.arrays[self.places[memory][0]]
        if tuple(array.shape) == shape and array.dtype == dtype:
            return array
        lifted = self.raw.lift(array)
        whole = lifted.view(shape, None, lifted.offset, dtype)
        whole.is_whole = lifted.is_whole
        return self.raw.lower(whole)


class _Run:
    """What one run has: by slots, arrays, their buffers, and where (in bytes) these begin in them."""

    __slots__ = ("arrays", "buffers", "lift", "numbers", "options", "starts")

    def __init__(self, program: Fused, options: Sequence[Any]):
        self.options, self.lift = options, program.raw.lift
        self.buffers = list(program.buffers)
        self.arrays: list[Any] = [None] * len(self.buffers)
        self.starts = [0] * len(self.buffers)
        self.numbers: dict[int, Any] = {}

    def put(self, slot: int, array: Any) -> None:
        self.arrays[slot] = array
        lifted = self.lift(array)
        self.buffers[slot] = lifted.buffer
        if lifted.offset:
            self.starts[slot] = lifted.offset * lifted.dtype.itemsize


class _Kernel:
    """The launch of a printed kernel."""

    def __init__(self, program: Fused, kernel: Printed, run: Callable[..., None]):
        self.run, self.range = run, kernel.range
        self.name = kernel.program.name
        places = [(*program.places[u.memory], SIZES[u.storage]) for u in kernel.uses]
        self.slots = [slot for slot, _, _ in places]
        self.offsets = [at // size for _, at, size in places]
        #: What need not begin where its buffer does: its offset among the arguments, its slot and size.
        self.moving = [
            (len(places) + i, slot, size) for i, (slot, _, size) in enumerate(places) if slot < len(program.inputs)
        ]  # fmt: skip
        self.scalars = [program.places[m][0] for m in kernel.scalars]

    def __call__(self, run: _Run) -> None:
        buffers, starts = run.buffers, run.starts
        arguments = [*[buffers[s] for s in self.slots], *self.offsets]
        for position, slot, size in self.moving:
            if starts[slot]:
                arguments[position] += starts[slot] // size
        self.run([*arguments, *[run.numbers[s] for s in self.scalars]], self.range)


class _Call:
    """The call of an op of the device."""

    def __init__(self, program: Fused, nest: OpNest):
        call = nest.call
        self.program, self.name = program, call.op.name
        self.function = getattr(program.target, call.op.name)
        self.arguments = _reader(program, call.arguments)
        self.named = {name: _reader(program, x) for name, x in call.named.items()}
        #: Per result the slot; None for what nobody needs.
        self.slots = [None if x is None else program.places[x.buffer][0] for x in call.results]
        self.inputs = {program.places[x.buffer][0] for x in (*arrays_in(call.arguments), *arrays_in(call.named))}  # fmt: skip

    def __call__(self, run: _Run) -> None:
        named = {name: read(run) for name, read in self.named.items()}
        found = self.function(*self.arguments(run), **named)
        target = self.program.target
        given = [run.buffers[s] for s in self.inputs]
        for slot, array in zip(self.slots, found if isinstance(found, (tuple, list)) else [found]):
            if slot is None:
                continue
            array = array if isinstance(array, target.Array) else target.wrap(array)
            shared = any(run.lift(array).buffer is b for b in given)
            if shared or not target.is_contiguous(array):
                array = target.copy(array)
            run.put(slot, array)


def _reader(program: Fused, x: Any) -> Callable[[_Run], Any]:
    """How an argument of a call is found at each run."""
    if isinstance(x, BufferArray):
        return _array_reader(program, x)
    if isinstance(x, Key):
        at = x.seed.at
        return lambda run: run.options[at]
    if isinstance(x, (tuple, list)):
        parts = [_reader(program, y) for y in x]
        return lambda run: tuple([read(run) for read in parts])
    return lambda run: x


def _array_reader(program: Fused, x: BufferArray) -> Callable[[_Run], Any]:
    slot, at = program.places[x.buffer]
    shape, strides, dtype, raw = x.shape, x.strides, x.dtype, program.raw
    offset, size, nbytes = x.offset, x.dtype.itemsize, x.buffer.nbytes
    if x.buffer.role == "scalar":
        full = program.target.full
        return lambda run: full(shape, run.numbers[slot], dtype)

    def read(run: _Run) -> Any:
        start = run.starts[slot] + at
        array = BufferArray(run.buffers[slot], shape, strides, start // size + offset, dtype, raw)
        array.nbytes = start + nbytes
        return raw.lower(array)

    return read
