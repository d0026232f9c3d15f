"""The joint graph of a captured function: its outputs, and the gradients of its inputs, for gradients of outputs yet unknown.

The graph is replayed on symbols while the tape records, and the ordinary backward pass runs on these; so no gradient
is defined twice. The symbols and their tape are kept: outputs of which only some get a gradient add nodes later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from facula._tensor import Tensor
from facula.autograd import grad
from facula.autograd.mode import enable_grad, unwatched
from facula.autograd.record import from_array
from facula.graph.active import active, lock
from facula.graph.capture import Capture
from facula.graph.deliver import home
from facula.graph.errors import CaptureError
from facula.graph.ir import Graph, Value
from facula.graph.replay_recorded import replay_recorded
from facula.graph.symbol import Symbol
from facula.graph.trace import trace_of


class Joint:
    """Of `source`, whose inputs want gradients where `tracked` says so, and whose `outputs` (places) may get some.

    `graph` grows; `inputs`, `results` and `cotangents` are its values for the inputs and outputs of `source`, and for the
    gradients of `outputs`. Raises what the backward pass would raise.
    """

    def __init__(self, source: Graph, tracked: Sequence[bool], outputs: Sequence[int]):
        self.capture = Capture([], {})
        self.graph = self.capture.graph
        self.graph.options = list(source.options)
        with self._recording():
            self._leaves = [self._input(v, needs) for v, needs in zip(source.inputs, tracked)]
            self._outs = replay_recorded(source, self._leaves, source.options, trace_of)
            self._given = [self._input(self._outs[i]._array.current(), False) for i in outputs]
            self.inputs = [t._array.current() for t in self._leaves]
            self.results = [t._array.current() for t in self._outs]
            self.cotangents = [t._array.current() for t in self._given]
        self.outputs = tuple(outputs)

    def gradients(self, given: Sequence[int]) -> list[Value | None]:
        """One for each input, where the outputs at these places of `outputs` have a gradient and the others none."""
        with self._recording():
            roots = [self._outs[self.outputs[i]] for i in given]
            wanted = [t for t in self._leaves if t._requires_grad]
            found = grad(
                roots, wanted, [self._given[i] for i in given],
                retain_graph=True, allow_unused=True,
            )  # fmt: skip
            values = iter([None if g is None else g._array.current() for g in found])
        return [next(values) if t._requires_grad else None for t in self._leaves]

    def _input(self, like: Value, requires_grad: bool) -> Tensor:
        trace = trace_of(home(like))
        name = like.name or f"gradient{len(self.graph.inputs)}"
        value = self.graph.add_input(like.shape, like.dtype, like.strides, home(like), name)
        tensor = from_array(trace, Symbol(value, trace))
        tensor._requires_grad = requires_grad
        return tensor

    @contextmanager
    def _recording(self) -> Iterator[None]:
        with lock, unwatched(), enable_grad():
            before = active.capture
            try:
                with self.capture:
                    yield
            finally:
                reached = list(self.capture.touched.values())
                for touched in reached:
                    touched.restore()
                active.capture = before
            if reached:
                raise CaptureError("a gradient reads a tensor that the function does not")
