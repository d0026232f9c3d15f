"""Outputs of a compiled program handed out: the short way, for arrays that each have memory of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from facula._tensor import Tensor, bump
from facula.autograd.record import from_array
from facula.graph.active import lock
from facula.graph.capture import GradOf


class Delivery:
    """What is to be done with the outputs of a program, sorted out once.

    A compiler whose runs have `owns_outputs` gives each output memory of its own, or the updated input itself;
    so nothing need be copied, unless one output goes to several places (`is_short` is False then).
    """

    def __init__(self, program: Any):
        self.program = program
        graph = program.graph
        self.backends = [home(v) for v in graph.outputs]
        used = Counter(r[1] for r in program.results if r[0] == "value")
        used.update(r[1] for _, r in program.grads if r is not None)
        used.update(out for _, out, _ in program.writes)
        specs = [*program.results, *(r for _, r in program.grads if r is not None)]
        self.is_short = (
            not (program.escaped or program.rebinds)
            and all(n == 1 for n in used.values())
            and all(r[0] != "value" or (r[3] is Tensor and not r[2]) for r in specs)
            and not any(tracked for _, _, tracked in program.writes)
            and all(r is None or r[0] in ("value", "constant") for _, r in program.grads)
            # a gradient that was there before may be replaced
            and not any(r[0] == "same" and isinstance(r[1], GradOf) for r in program.results)
        )
        self.replaced = (
            [source for source, r in program.grads if r is not None] if self.is_short else []
        )
        self.late = any(r[0] in ("same", "view") for r in program.results)

    def drop(self, args: list[Tensor]) -> None:
        """Lets go of the gradients that the run will replace, so that their memory can take the new ones."""
        for source in self.replaced:
            source.tensor(args).__dict__["_grad"] = None

    def __call__(self, tensors: list[Any], outputs: Sequence[Any], args: list[Tensor]) -> Any:
        """Writes, gradients and results."""
        with lock:
            return self._deliver(tensors, outputs, args)

    def _deliver(self, tensors: list[Any], outputs: Sequence[Any], args: list[Tensor]) -> Any:
        program, backends = self.program, self.backends
        for at, out, _ in program.writes:
            tensor, array = tensors[at], outputs[out]
            if array is not tensor._array:
                tensor._backend.write(tensor._array, array)
            bump(tensor)
        for source, spec in program.grads:
            grad = None
            if spec is not None:
                grad = spec[1] if spec[0] == "constant" else from_array(backends[spec[1]], outputs[spec[1]])  # fmt: skip
            source.tensor(args).__dict__["_grad"] = grad
        if self.late:  # results that are arguments, or views of some
            give = program.finish(tensors, [], args).give
        results = [
            from_array(backends[r[1]], outputs[r[1]]) if r[0] == "value"
            else r[1] if r[0] == "constant" else give(r)
            for r in program.results
        ]  # fmt: skip
        return program.rebuild(iter(results))


def home(value: Any) -> Any:
    """The backend whose array a value is."""
    node = value.node
    return node.args[1] if node.name == "to_backend" else node.backend
