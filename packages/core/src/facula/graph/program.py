"""A captured program: a graph, and how the state of the world enters it and comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from facula._tensor import Tensor, bump, is_tracked, write_
from facula.autograd.mode import Mode, is_grad_enabled, state
from facula.autograd.record import from_array, run
from facula.graph.active import lock
from facula.graph.capture import Held, Outcome
from facula.graph.deliver import Delivery, home
from facula.graph.errors import CaptureError
from facula.graph.ir import CONSTANT, Graph
from facula.graph.replay_recorded import replay_recorded
from facula.ops._op import OPS

if TYPE_CHECKING:
    from facula.graph.two_programs import TwoPrograms


class Program:
    """What one capture gave. Calling it with the arguments' tensors does what the function did."""

    def __init__(self, outcome: Outcome):
        self.graph: Graph = outcome.graph
        self.captured_graph: Graph = outcome.graph  # before the passes, where they keep that
        self.sources = outcome.sources
        self.inputs, self.aliases = outcome.inputs, outcome.aliases
        self.none_grads = outcome.none_grads
        self.results, self.rebuild = outcome.results, outcome.rebuild
        self.writes, self.grads, self.rebinds = outcome.writes, outcome.grads, outcome.rebinds
        self.escaped = outcome.escaped_tensors
        self.is_differentiable, self.problem = outcome.is_differentiable, outcome.problem
        #: What a compiler made of the graph; None where its kernels are replayed.
        self.code: Callable[..., Any] | None = None
        self.delivery: Delivery | None = None
        #: Whether it is to be compiled when it is called again.
        self.waits = False
        self.constants = frozenset(id(n.args[0]) for n in self.graph.nodes if n.op is CONSTANT)
        #: What runs it where the tape records; None where that is a replay op by op.
        self.recorded: TwoPrograms | None = None
        self.found = 0  # how many calls were looked up for it
        self._expected = [(v.shape, v.dtype, v.node.backend) for v in self.graph.inputs]
        #: Arrays of held tensors that were looked at: while they are the same ones, so are shape, dtype and device.
        self._seen: list[Any] = [None] * len(self.inputs)

    def use(self, code: Any) -> None:
        """Runs `code` from now on, if that is something."""
        self.code = code
        if getattr(code, "owns_outputs", False):
            self.delivery = Delivery(self)
            code.hold([isinstance(s, Held) for s in self.sources])

    @property
    def first(self) -> Any:
        """What a call runs: the code of the whole, or of the forward program where the tape records."""
        return self.code if self.recorded is None else self.recorded.forward.code

    @property
    def explanation(self) -> str:
        """What runs it, and why it is a replay where it is one."""
        if self.recorded is not None:
            return self.recorded.explanation
        if self.is_differentiable:
            return "replayed op by op, while the tape records"
        return explain(self.code, self.graph)

    # ---- whether it may be used

    def broken(self, args: list[Tensor]) -> str | None:
        """What is not as it was at capture, of the tensors that the program reaches; None if all is."""
        for i, (at, source, tracked) in enumerate(self.inputs):
            tensor = source.tensor(args)
            if tensor is not None and _is_as_it_was(tensor, self._seen[i], tracked):
                continue
            if tensor is None:
                return f"'{self.graph.inputs[at].name}' is None"
            shape, dtype, backend = self._expected[at]
            array = tensor._array
            if array.shape != shape or array.dtype is not dtype or tensor._backend is not backend:
                return f"'{self.graph.inputs[at].name}' has another shape, dtype or device"
            if is_tracked(tensor) is not tracked:
                name = self.graph.inputs[at].name
                return f"requires_grad of '{name}' is {not tracked}, was {tracked}"
            if source.__class__ is Held:
                self._seen[i] = array
        for source in self.none_grads:
            tensor = source.tensor(args)
            if tensor is not None and tensor.grad is not None:
                return "a gradient that was None"
        for a, b in self.aliases:
            if getattr(a.tensor(args), "_array", 0) is not getattr(b.tensor(args), "_array", 1):
                return "tensors that shared memory"
        return None

    # ---- running it

    def __call__(self, args: list[Tensor]) -> Any:
        if self.is_differentiable and is_grad_enabled():
            return self._run_recorded(args) if self.recorded is None else self.recorded(args)
        with lock:  # kernels run outside it
            tensors = [s.tensor(args) for s in self.sources]
            arrays = [t._array for t in tensors]  # type: ignore[union-attr]
            options = [o.read() for o in self.graph.options]
            code, delivery = self.code, self.delivery
            if delivery is not None:
                delivery.drop(args)
        run_code = code or self.graph.code(is_watched=isinstance(state.mode, Mode))
        made = run_code(arrays, options)
        del arrays
        if delivery is not None and delivery.is_short:
            return delivery(tensors, made, args)
        outputs = _as_tensors(self.graph, made)
        with lock:
            return self.finish(tensors, outputs, args).result()

    def finish(self, tensors: list[Any], outputs: list[Tensor], args: list[Tensor]) -> _Finish:
        """What hands out the outputs of a run."""
        return _Finish(self, tensors, outputs, args)

    def _run_recorded(self, args: list[Tensor]) -> Any:
        if self.problem:
            raise CaptureError(
                f"the compiled function's result requires grad, but cannot be differentiated outside: {self.problem}; "
                f"call backward() inside the compiled function"
            )
        with lock:
            tensors = [s.tensor(args) for s in self.sources]
            options = [o.read() for o in self.graph.options]
            written = {
                at for at, _, _ in self.writes
            }  # what the tape keeps of these must not change
            inputs = [OPS["clone"].call(t) if i in written else t for i, t in enumerate(tensors)]
            outputs = replay_recorded(self.graph, inputs, options)
            return self.finish(tensors, outputs, args).result()

    def arrays(self, args: list[Tensor]) -> list[Any]:
        """NumPy arrays of the graph's inputs as they are now: what `Graph.run` takes."""
        tensors = [s.tensor(args) for s in self.sources]
        return [t._backend.to_numpy(t._array) for t in tensors]  # type: ignore[union-attr]


def explain(code: Any, graph: Graph) -> str:
    """What runs a graph: what a compiler made of it, or a replay, and why."""
    if code is not None:
        return getattr(code, "description", None) or f"compiled by {type(code).__module__}"
    why = graph.why_replayed or ("no compiler was asked" if graph.nodes else "it computes nothing")
    return f"replayed kernel by kernel: {why}"


def _is_as_it_was(tensor: Tensor, seen: Any, tracked: bool) -> bool:
    """Whether a tensor has the array that was looked at, and needs a gradient as then: the quick test, for leaves."""
    leaf = tensor._node is None and tensor._view is None
    return leaf and tensor._array is seen and tensor._requires_grad is tracked


class _Finish:
    """Hands out the outputs of one replay: results first, then what is written."""

    def __init__(
        self, program: Program, tensors: list[Any], outputs: list[Tensor], args: list[Tensor]
    ):
        self.program, self.tensors, self.outputs, self.args = program, tensors, outputs, args
        self.taken = {id(t._array) for t in tensors if t is not None} | program.constants

    def result(self) -> Any:
        program = self.program
        values = [None if r[0] == "view" else self.give(r) for r in program.results]
        grads = [
            (source.tensor(self.args), None if r is None else self.give(r))
            for source, r in program.grads
        ]
        writes = [
            (self.tensors[at], self._write(at, out, tracked), tracked)
            for at, out, tracked in program.writes
        ]
        rebinds = [
            (source.tensor(self.args), self._whole(out, False)) for source, out in program.rebinds
        ]
        escaped = [(t(), self._whole(out, False)) for t, out in program.escaped]
        self.outputs = []
        for tensor, value, tracked in writes:
            _store(tensor, value, tracked)
        for tensor, value in rebinds:
            tensor._array = value._array  # type: ignore[union-attr]
        for tensor, grad in grads:
            tensor.__dict__["_grad"] = grad
        for tensor, value in escaped:
            if tensor is not None:
                tensor._array, tensor._backend = value._array, value._backend
                tensor._requires_grad &= tensor._node is None
                tensor._node = tensor._view = tensor._cell = None
        return program.rebuild(
            iter([self.give(r) if r[0] == "view" else v for r, v in zip(program.results, values)])
        )

    def give(self, spec: tuple[Any, ...]) -> Any:
        kind = spec[0]
        if kind == "constant":
            return spec[1]
        if kind == "same":
            return spec[1].tensor(self.args)
        if kind == "view":
            return self._view(*spec[1:])
        _, at, tracked, cls = spec
        out = self._whole(at, tracked)
        return out if cls is Tensor else out.as_subclass(cls)

    def _view(self, at: int, chain: Any, tracked: bool) -> Any:
        tensor = self.tensors[at]
        if not tracked:
            tensor = tensor.detach()
        for op, options in chain or [(OPS["view"], (tuple(tensor.shape),))]:
            tensor = run(op, (tensor,), options)
        return tensor

    def _write(self, at: int, out: int, tracked: bool) -> Tensor:
        """What is to be written into input `at`; the input's own array where the program did it."""
        done = self.outputs[out]._array is self.tensors[at]._array
        return self.outputs[out] if done else self._whole(out, tracked)

    def _whole(self, at: int, tracked: bool) -> Tensor:
        """Output `at`, with memory that nothing else of this replay has."""
        tensor = self.outputs[at]
        if tracked and id(tensor._array) not in self.taken:
            self.taken.add(id(tensor._array))
            return tensor
        if tracked:
            return OPS["clone"].call(tensor)  # type: ignore[no-any-return]
        array, backend = tensor._array, tensor._backend
        if id(array) in self.taken or not backend.is_whole(array):
            array = backend.copy(array)
        self.taken.add(id(array))
        return from_array(backend, array)


def _store(tensor: Tensor, value: Tensor, tracked: bool) -> None:
    if tracked and is_grad_enabled():
        write_(tensor, value)
    else:
        if value._array is not tensor._array:
            tensor._backend.write(tensor._array, value._array)
        bump(tensor)


def _as_tensors(graph: Graph, arrays: list[Any]) -> list[Tensor]:
    return [from_array(home(v), a) for v, a in zip(graph.outputs, arrays)]
