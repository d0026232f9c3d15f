"""The mode of a profiler: every operation runs as without it, between two looks at the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from facula._tensor import Tensor
from facula.autograd.deferred import Deferred
from facula.autograd.mode import Mode, state
from facula.autograd.record import continue_composite
from facula.printing import grad_fn_name
from facula.profiler.flops import flops_of, flops_of_gradients
from facula.profiler.recording import Recording


class Watch(Mode):
    """Notes the ops of a thread, the nodes of its backward passes, and what else tells its name."""

    watches = True

    def __init__(self, recording: Recording):
        self.recording = recording

    def run(self, op: Any, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
        event = self.recording.begin(op.name, "cpu_op", ins)
        try:
            result = super().run(op, ins, opts)
            self._look_at(result, event)
            if self.recording.flops:
                event.count_flops(flops_of(op, ins, opts, result))
            return result
        finally:
            self.recording.finish(event)

    def enter(self, op: Any, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        """A composite op: its kernel or, where it is put on the tape, its body with the ops in it."""
        event = self.recording.begin(op.name, "cpu_op", args)
        try:
            result = NotImplemented
            if isinstance(self.below, Mode):
                state.mode = self.below
                try:
                    result = self.below.enter(op, args, tensors)
                finally:
                    state.mode = self
            if result is NotImplemented:
                result = continue_composite(op, args)
            self._look_at(result, event)
            if self.recording.flops:
                named = dict(zip((p.name for p in op.parameters), args))
                ins = tuple(named.get(name) for name in op.inputs)
                opts = tuple(named.get(name) for name in op.options)
                event.count_flops(flops_of(op, ins, opts, result))
            return result
        finally:
            self.recording.finish(event)

    def around(self, name: str, run: Callable[[], Any]) -> Any:
        event = self.recording.begin(name, "cpu_op")
        try:
            result = super().around(name, run)
            self._look_at(result, event)
            return result
        finally:
            self.recording.finish(event)

    def watch_pass(self, run: Any) -> None:
        """Gives a backward pass a look at the clock around each of its nodes."""
        super().watch_pass(run)
        inner = run._run_node

        def run_node(node: Any, g: Any) -> None:
            event = self.recording.begin(grad_fn_name(node), "cpu_op")
            event.sequence_nr = node.time
            maker = self.recording.makers.get(node.time)
            if maker is not None and maker.module_hierarchy:
                event.module_hierarchy = maker.module_hierarchy
            try:
                timed = getattr(node.backend, "timed", None)
                if timed is None:
                    inner(node, g)
                else:
                    timed(event.name, lambda: inner(node, g))
                if maker is not None and maker.flops:
                    event.count_flops(flops_of_gradients(node, maker.flops))
            finally:
                self.recording.finish(event)

        run._run_node = run_node
        if self.recording.memory and not run.create_graph:
            send = run.send

            def counted(target: Any, g: Any) -> None:
                if g.__class__ is Deferred:  # so that its memory is seen where it belongs
                    g = g.value()
                backend = target._backend if isinstance(target, Tensor) else target.backend
                self._count(backend, g, None)
                send(target, g)

            run.send = counted

    # ---- results

    def _look_at(self, result: Any, event: Any) -> None:
        for t in _tensors(result):
            if t._node is not None and event.sequence_nr < 0:
                event.sequence_nr = number = getattr(t._node, "node", t._node).time
                self.recording.makers.setdefault(number, event)
            if self.recording.memory:
                self._count(t._backend, t._array, event)

    def _count(self, backend: Any, array: Any, event: Any) -> None:
        """Counts an array that has memory of its own; raw devices tell of theirs themselves."""
        if backend.profile is None or "alloc" in backend.__dict__ or not backend.has_values:
            return
        if array.__class__ is backend.Array and backend.is_whole(array):
            self.recording.follow(array, str(backend.device), array.nbytes, event)


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, (tuple, list)):
        for part in result:
            yield from _tensors(part)
