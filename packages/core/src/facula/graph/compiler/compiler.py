"""`compile(backend="c")`: a captured graph as one C function over NumPy arrays."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from facula.graph.compiler.artifact import Artifact, Constant, Input, Output, Request
from facula.graph.compiler.collapse import collapse
from facula.graph.compiler.compiled import Compiled, Stale
from facula.graph.compiler.declined import CompileError, attempt
from facula.graph.compiler.digest import digest_of
from facula.graph.compiler.emit import Emitter
from facula.graph.compiler.epilogue import with_epilogues
from facula.graph.compiler.fuse import fuse
from facula.graph.compiler.hoist import hoist, numbers_last
from facula.graph.compiler.join_equal import join_equal
from facula.graph.compiler.kept_programs import find, keep
from facula.graph.compiler.lower import Memory, lower
from facula.graph.compiler.nests import MapNest, nests_of
from facula.graph.compiler.plan import arena, update_in_place
from facula.graph.compiler.schedule import is_worth, schedule, work_of
from facula.graph.compiler.split_depth import split_depth
from facula.graph.compiler.split_sums import split_sums
from facula.graph.compiler.worth import slower_part
from facula.graph.ir import Graph
from facula.graph.runtime import shared_library
from facula.threads import get_num_threads

#: Work of a program up to which it keeps the interpreter lock, as giving it away and waiting for it costs more: some 10 us.
_SHORT = 300_000


def compile_c(graph: Graph, backend: Any, is_default: bool = False) -> Compiled | None:
    """A graph on NumPy arrays as a C function; None where that cannot be: then it is replayed kernel by kernel.

    What stands against it: arrays on another device, ops that only the host can run (svd, fft), no C compiler, one that fails
    (its log is shown); with `is_default`, where nobody asked for C by its name, that C would be slower. `declined` says when that is worth a warning.
    """

    def make() -> Compiled:
        if backend is None or backend.device.type != "cpu":
            raise CompileError("its tensors are not all on the cpu device")
        slow = slower_part(graph) if is_default else None
        if slow is not None:
            raise CompileError(f"'{slow}' of as many elements is faster as a kernel")
        shared_library()  # first, as nothing need be lowered where there is no compiler that works
        return program_of(graph, get_num_threads())

    return attempt(make, graph, is_default)


def program_of(graph: Graph, threads: int) -> Compiled:
    """The program of a graph, from the disk where it was made before. Raises CompileError, and as `load` does."""
    digest = digest_of(graph, threads)
    artifact = find(digest)
    if artifact is not None:
        with suppress(Stale):
            return Compiled(artifact)
    making = Making(graph, threads)
    program = Compiled(making.artifact, making.plans)
    keep(digest, making.artifact)
    return program


class Making:
    """How a graph becomes a program: `nests` and before which of them threads wait; in the end the `artifact`, and its `plans`."""

    def __init__(self, graph: Graph, threads: int):
        lowered = lower(graph, threads)
        nests = nests_of(lowered.launches)
        outputs = [x.buffer for x in lowered.outputs]
        positions = {v: i for i, v in enumerate(graph.inputs)}
        inputs = [x.buffer for x in lowered.inputs]
        updates = [
            (inputs[positions[k]], outputs[graph.outputs.index(v)])
            for k, v in graph.updates.items()
        ]
        nests = join_equal(nests, set(outputs))
        updated = {new for _, new in updates}
        numbers = numbers_last(nests, updated)
        kept = {*outputs, *(x.value.memory for x in numbers)}
        nests = split_depth(hoist(nests, updated), {old for old, _ in updates}, threads)
        nests = split_sums(collapse(fuse(nests, kept)))
        if numbers:
            nests.append(MapNest((), numbers))
        in_place = update_in_place(nests, updates)
        nests = with_epilogues(nests, set(outputs), in_place)
        slots, constants = _slots(nests, inputs, outputs, in_place)
        self.arena = len(set(slots.values()))
        threads, waits = self._meetings(nests, threads, slots, len(inputs))
        offsets, size = arena(nests, set(slots), waits)
        places = {m: (s, 0) for m, s in slots.items()}
        places |= {m: (self.arena, at) for m, at in offsets.items()}
        shares, waits = schedule(nests, threads, places, len(inputs))
        self.nests, self.waits = nests, waits
        emitter = Emitter(places, threads)
        source = emitter.source(nests, shares, waits, len(inputs))
        self.plans = {p.request: p for p in emitter.plans}
        self.artifact = Artifact(
            source=source,
            threads=threads,
            is_short=threads == 1 and sum(map(work_of, nests)) < _SHORT,
            options=len(graph.options),
            inputs=tuple(Input(v.shape, v.dtype) for v in graph.inputs),
            outputs=tuple(
                Output(v.shape, v.dtype, slots[m], m in in_place)
                for v, m in zip(graph.outputs, outputs)
            ),
            constants=tuple(Constant(slots[m], bytes(m.data)) for m in constants),
            plans=tuple(Request(p.request, p.workspace) for p in emitter.plans),
            arena=self.arena,
            arena_bytes=size,
        )

    def _meetings(self, nests: Any, threads: int, slots: dict[Memory, int], inputs: int) -> tuple[int, list[bool]]:  # fmt: skip
        """How many threads are worth it, and where they must meet if each temporary has memory of its own."""
        apart = {
            m: (i + self.arena, 0) for i, m in enumerate(m for n in nests for m in _memories(n))
        }
        places = apart | {m: (s, 0) for m, s in slots.items()}
        shares, waits = schedule(nests, threads, places, inputs)
        if threads > 1 and not is_worth(nests, shares, waits, threads):
            threads = 1
        return threads, waits if threads > 1 else []


def _slots(
    nests: Any, inputs: list[Memory], outputs: list[Memory], in_place: dict[Memory, Memory]
) -> tuple[dict[Memory, int], list[Memory]]:
    """A slot for each input, constant and output; the constants."""
    slots: dict[Memory, int] = {m: i for i, m in enumerate(inputs)}
    for memory in outputs:
        if memory in in_place:
            slots[memory] = slots[in_place[memory]]
        else:
            slots.setdefault(memory, len(set(slots.values())))
    constants: list[Memory] = []
    number = max(slots.values(), default=-1) + 1
    for memory in dict.fromkeys(x.memory for nest in nests for x in nest.read):
        if memory.role == "constant" and memory not in slots:
            slots[memory] = number + len(constants)
            constants.append(memory)
    return slots, constants


def _memories(nest: Any) -> list[Memory]:
    return [*nest.written, *(x.memory for x in nest.read)]
