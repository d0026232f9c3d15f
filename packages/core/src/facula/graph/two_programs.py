"""A differentiable function as two programs: forward, and backward for a `backward()` that is called outside.

The forward program gives the results and the values that the backward program reads; one node of the tape stands between
them. What cannot be done so is replayed op by op while the tape records: a backward pass that is itself differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from facula._logging import artifact
from facula._tensor import Tensor, edge_of, is_tracked
from facula.autograd import grad
from facula.autograd.engine import raise_freed, raise_moved
from facula.autograd.mode import Mode, enable_grad, plain, state, uncast
from facula.autograd.record import (
    Node as TapeNode,
    attach_output,
    from_array,
    function_node,
    version,
)
from facula.graph.active import lock
from facula.graph.capture import Held
from facula.graph.deliver import home
from facula.graph.errors import CaptureError
from facula.graph.ir import INPUT, Graph, Node, Value
from facula.graph.joint import Joint
from facula.graph.passes import simplify
from facula.graph.passes.in_place import may_share
from facula.graph.passes.recompute import is_cheap, is_view, split, values_to_save
from facula.graph.program import explain
from facula.graph.replay_recorded import replay_recorded
from facula.ops._op import OPS
from facula.ops.dims import row_major


def two_programs(program: Any, compiler: Any, args: list[Tensor]) -> TwoPrograms | None:
    """The two programs of a differentiable capture; None where it must be replayed op by op."""
    specs = [r for r in program.results if r[0] == "value" and r[2]]
    outputs = list(dict.fromkeys(at for _, at, _, _ in specs))
    if program.problem or program.grads or program.rebinds or program.escaped:
        return None
    if any(tracked for _, _, tracked in program.writes):
        return None
    tensors = [s.tensor(args) for s in program.sources]
    tracked = [t is not None and is_tracked(t) for t in tensors]
    try:
        return TwoPrograms(program, Joint(program.graph, tracked, outputs), compiler)
    except (CaptureError, RuntimeError, NotImplementedError) as error:  # it comes in backward()
        artifact("graph").debug("no backward program: %s", error)
        return None


class Kept(NamedTuple):
    """What the tape's node keeps: the inputs and their versions, saved values, the keys of random ops."""

    tensors: list[Any]
    versions: list[int]
    saved: list[Any]
    #: Results that are saved: array, version cell, version.
    outputs: dict[int, tuple[Any, list[int], int]]
    options: list[Any]


class _Part:
    """A graph and what runs it: compiled at the first call, where there is a compiler that can."""

    def __init__(self, graph: Graph, compiler: Any, held: Sequence[bool]):
        self.graph, self.compiler, self.held = graph, compiler, held
        self.code: Any = None
        #: Whether each output has memory of its own, whatever the graph says.
        self.owns_outputs = False
        simplify(graph)

    def __call__(self, arrays: list[Any], options: list[Any]) -> list[Any]:
        if self.compiler is not None:
            self.compile()
        code = self.code or self.graph.code(is_watched=isinstance(state.mode, Mode))
        return code(arrays, options)  # type: ignore[no-any-return]

    def compile(self) -> bool:
        """Lets the compiler have it; returns whether that makes something of it."""
        with lock:
            compiler, self.compiler = self.compiler, None
            if compiler is not None and self.graph.nodes:
                self.code = compiler(self.graph, self.graph.only_backend)
                self.owns_outputs = getattr(self.code, "owns_outputs", False)
                if self.owns_outputs:
                    self.code.hold(self.held)
        return self.code is not None

    @property
    def explanation(self) -> str:
        """What runs it."""
        if self.compiler is not None and self.graph.nodes:
            return "compiled at its first call"
        return explain(self.code, self.graph)


class _Backward(NamedTuple):
    """A backward program for some of the outputs.

    `reads` says what each input of the graph is: (kind, number) with kind "input", "saved", "output" or "cotangent"; `gives` the
    gradient of each edge of the node: None, ("cotangent", number) or ("made", output of the graph).
    """

    part: _Part
    reads: list[tuple[str, int]]
    gives: list[tuple[str, int] | None]


class TwoPrograms:
    """What runs a differentiable program forward, and stands for the op of its node on the tape."""

    view, holomorphic, rules, outputs = False, True, (), ()
    name = "compiled"

    def __init__(self, program: Any, joint: Joint, compiler: Callable[..., Any] | None):
        self.program, self.joint, self.compiler = program, joint, compiler
        self.held = [isinstance(s, Held) for s in program.sources]
        self.written = {at for at, _, _ in program.writes}
        everything = tuple(range(len(joint.outputs)))
        gradients = joint.gradients(everything)
        #: The inputs that get a gradient: one edge each.
        self.positions = [i for i, g in enumerate(gradients) if g is not None]
        self.forward = _Part(self._choose(gradients), compiler, self.held)
        if compiler is not None and not self.forward.compile():
            # where kernels are replayed, nothing is free to compute anew
            self.compiler = None
            program.graph.why_replayed = self.forward.graph.why_replayed
            self.forward = _Part(self._choose(gradients), None, self.held)
        self.homes = [home(v) for v in joint.results]
        self._backward = {everything: self._backward_of(gradients)}
        self._again: Graph | None = None

    @property
    def explanation(self) -> str:
        """What runs them, and why it is a replay where it is one."""
        told = [f"forward: {self.forward.explanation}"]
        return "; ".join(
            told + [f"backward: {b.part.explanation}" for b in self._backward.values()]
        )

    # ---- the two graphs

    def _choose(self, gradients: list[Value | None]) -> Graph:
        """Settles what is saved; the graph of the forward program."""
        joint, program = self.joint, self.program
        wanted = [g for g in gradients if g is not None]
        taken, _ = split(joint.graph.nodes, joint.cotangents, wanted)
        written = {joint.inputs[at] for at in self.written}
        written |= {joint.results[out] for _, out, _ in program.writes}
        roots = [joint.results[at] for at in joint.outputs]
        free = (set(joint.inputs) | set(roots)) - written
        cheap = is_view if self.compiler is None else is_cheap
        now = set(nodes_between(joint.graph.nodes, joint.inputs, joint.results))
        saved = values_to_save(taken, free, written, lambda n: n not in now or cheap(n))
        #: What each saved value is: the kind and number of `_Backward.reads`.
        self.saved: dict[Value, tuple[str, int]] = {}
        extra: list[Value] = []
        for v in saved:
            if v in free:
                known = v in roots and v.node.op is not INPUT
                self.saved[v] = ("output", joint.outputs[roots.index(v)]) if known else ("input", joint.inputs.index(v))  # fmt: skip
            else:
                self.saved[v] = "saved", len(extra)
                extra.append(v)
        graph, new = extract(joint.graph.nodes, joint.inputs, [*joint.results, *extra])
        graph.why_replayed = program.graph.why_replayed
        n = len(joint.results)
        for k, v in enumerate(extra):
            if v in written or may_share(v.node):
                graph.outputs[n + k] = _copied(graph, new[v])
        apart = {_base(v) for v in (*joint.inputs, *extra)}
        for k, v in enumerate(joint.results):
            if may_share(v.node) and (_base(v) in apart or _base(v) in joint.results):
                graph.outputs[k] = _copied(graph, new[v])
        graph.options = list(program.graph.options)
        graph.updates = {graph.inputs[at]: graph.outputs[out] for at, out, _ in program.writes}
        positions = {v: i for i, v in enumerate(program.graph.inputs)}
        graph.scalars = {graph.inputs[positions[v]]: r for v, r in program.graph.scalars.items()}
        return graph

    def _backward_of(self, gradients: list[Value | None]) -> _Backward:
        joint = self.joint
        reads: dict[Value, tuple[str, int]] = {
            v: ("input", i) for i, v in enumerate(joint.inputs) if i not in self.written
        }
        reads |= self.saved
        reads |= {v: ("cotangent", i) for i, v in enumerate(joint.cotangents)}
        found = [gradients[i] for i in self.positions]
        made = list(dict.fromkeys(g for g in found if g is not None and g not in joint.cotangents))
        nodes = joint.graph.nodes
        used = {v for n in nodes_between(nodes, reads, made) for v in n.inputs} | set(made)
        graph, _ = extract(nodes, [v for v in reads if v in used], made)
        graph.why_replayed = self.program.graph.why_replayed
        graph.options = list(joint.graph.options)
        sources = [place for v, place in reads.items() if v in used]
        gives = [
            None if g is None
            else reads[g] if g in joint.cotangents else ("made", made.index(g))
            for g in found
        ]  # fmt: skip
        held = [kind == "input" and self.held[at] for kind, at in sources]
        return _Backward(_Part(graph, self.compiler, held), sources, gives)

    def _backward_for(self, given: tuple[int, ...]) -> _Backward:
        with lock:
            if given not in self._backward:
                self._backward[given] = self._backward_of(self.joint.gradients(given))
            return self._backward[given]

    # ---- forward

    def __call__(self, args: list[Tensor]) -> Any:
        program = self.program
        with lock:  # kernels run outside it
            tensors = [s.tensor(args) for s in program.sources]
            arrays = [t._array for t in tensors]
            versions = [version(t) for t in tensors]
            options = [o.read() for o in self.forward.graph.options]
        made = self.forward(arrays, options)
        if not self.forward.owns_outputs:  # a kernel may have passed on what it got
            n, taken = len(self.homes), {id(a) for a in arrays}
            backends = [home(v) for v in self.forward.graph.outputs[n:]]
            made[n:] = [b.copy(a) if id(a) in taken else a for a, b in zip(made[n:], backends)]
        return self.hand_out(args, tensors, versions, options, made)

    def hand_out(
        self, args: list[Tensor], tensors: list[Any], versions: list[int], options: list[Any], made: Sequence[Any]
    ) -> Any:  # fmt: skip
        """What the function returns and writes, given what the forward program made of `tensors`."""
        n = len(self.homes)
        results = [from_array(b, a) for b, a in zip(self.homes, made)]
        saved = list(made[n:])
        with lock:
            self._record(tensors, versions, results, saved, options)
            finish = self.program.finish(tensors, results, args)
            finish.taken.update(map(id, saved))
            return finish.result()

    def _record(
        self, tensors: list[Any], versions: list[int], results: list[Tensor], saved: list[Any], options: list[Any]
    ) -> None:  # fmt: skip
        """Leaves the node on the tape."""
        outputs = {}
        for kind, at in self.saved.values():
            if kind == "output":
                results[at]._cell = cell = [0]
                outputs[at] = results[at]._array, cell, 0
        edges = tuple([edge_of(tensors[i]) for i in self.positions])
        places = self.joint.outputs
        node = function_node(self, edges, self.homes[places[0]])
        node.kept = Kept(tensors, versions, saved, outputs, options)
        for i, k in enumerate(places):
            attach_output(node, i, results[k], self.homes[k])

    # ---- backward

    def backward(self, node: TapeNode, g: Any, run: Any) -> list[tuple[int, Any]]:
        """The gradients of the node's edges: the op's own rule, which the backward pass calls."""
        if node.kept is None:
            raise_freed(node)
        given = tuple(i for i, x in enumerate(g) if x is not None)
        with uncast():
            if run.create_graph or plain(state.mode) is None:
                found: list[Any] = self._differentiate_again(node, given, g, run)
            else:
                found = self._run(node, given, g, run)
        if not run.retain_graph:
            node.kept = None
        return found

    def _run(self, node: TapeNode, given: tuple[int, ...], g: Any, run: Any) -> list[Any]:
        backward = self._backward_for(given)
        kept: Any = node.kept
        arrays = [self._array(node, kept, g, kind, at) for kind, at in backward.reads]
        more = backward.part.graph.options[len(kept.options) :]
        made = backward.part(arrays, [*kept.options, *[o.read() for o in more]])
        found = []
        for i, source in enumerate(backward.gives):
            if source is None:
                continue
            kind, at = source
            if kind == "made" and backward.part.owns_outputs and backward.gives.count(source) == 1:
                run.send_own(node.edges[i], made[at])
            else:
                found.append((i, made[at] if kind == "made" else g[at]))
        return found

    def _array(self, node: TapeNode, kept: Any, g: Any, kind: str, at: int) -> Any:
        """What the backward program reads; checks that it was not written since."""
        if kind == "saved":
            return kept.saved[at]
        if kind == "cotangent":
            backend = self.homes[self.joint.outputs[at]]
            return g[at] if g[at].__class__ is backend.Array else backend.wrap(g[at])
        if kind == "output":
            array, cell, before = kept.outputs[at]
            if cell[0] != before:
                raise_moved(node, f"its output {at}", array.shape, cell[0], before)
            return array
        self._check(node, kept, at)
        return kept.tensors[at]._array

    def _check(self, node: TapeNode, kept: Any, at: int) -> None:
        tensor, before = kept.tensors[at], kept.versions[at]
        if version(tensor) != before:
            name = self.program.graph.inputs[at].name
            raise_moved(node, f"'{name}'", tensor.shape, version(tensor), before)

    def _differentiate_again(self, node: TapeNode, given: Sequence[int], g: Any, run: Any) -> Any:
        """The same by a replay that the tape records, from inputs that are nodes of their own."""
        kept: Any = node.kept
        graph = self._recorded()
        used = graph.used_inputs
        for i, v in enumerate(graph.inputs):
            if v in used:
                self._check(node, kept, i)
        with enable_grad():
            inputs = list(kept.tensors)
            for i in self.positions:
                inputs[i] = OPS["view"].call(inputs[i], tuple(inputs[i].shape))
            outputs = replay_recorded(graph, inputs, kept.options)
            cotangents = [run.wrap(g[i], outputs[i]._backend) for i in given]
            found = grad(
                [outputs[i] for i in given], [inputs[i] for i in self.positions], cotangents,
                retain_graph=True, create_graph=run.create_graph, allow_unused=True,
            )  # fmt: skip
        return [(k, run.unwrap(t)) for k, t in enumerate(found) if t is not None]

    def _recorded(self) -> Graph:
        """The function with nothing but the outputs that get gradients."""
        if self._again is None:
            graph = self.program.graph.copy()
            graph.outputs = [graph.outputs[at] for at in self.joint.outputs]
            graph.updates = {}
            graph.prune()
            if any(graph.inputs[at] in graph.used_inputs for at in self.written):
                raise RuntimeError(
                    "a compiled function that writes a tensor from which its result is computed cannot be differentiated "
                    "twice from outside; do it inside"
                )
            self._again = graph
        return self._again


# ---- parts of a graph


def nodes_between(
    nodes: Sequence[Node], inputs: Collection[Value], outputs: Sequence[Value]
) -> list[Node]:
    """Those of `nodes` that compute `outputs` from `inputs` and constants."""
    needed, have, kept = set(outputs), set(inputs), []
    for node in reversed(nodes):
        if any(v in needed and v not in have for v in node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def extract(
    nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]
) -> tuple[Graph, dict[Value, Any]]:
    """(the nodes between as a graph of their own, the values there for those here)."""
    graph = Graph()
    new: dict[Value, Any] = {}
    for v in inputs:
        name = v.name or f"kept{len(graph.inputs)}"
        new[v] = graph.add_input(v.shape, v.dtype, v.strides, home(v), name)
    between = nodes_between(nodes, inputs, outputs)
    for node in between:
        known = {v: new[v] for v in node.outputs if v in new}
        graph.nodes.append(node.copy(new))
        new.update(known)
    if any(v.node.op is INPUT and v not in new for n in between for v in n.inputs):
        raise RuntimeError("a gradient needs a tensor that the function writes")
    graph.outputs = [new[v] for v in outputs]
    return graph, new


def _copied(graph: Graph, value: Value) -> Value:
    node = Node(OPS["clone"], (value,), home(value))
    node.outputs.append(Value(node, 0, value.shape, value.dtype, row_major(value.shape)))
    graph.nodes.append(node)
    return node.outputs[0]  # type: ignore[return-value]


def _base(value: Value) -> Value:
    """The value in whose memory this one may lie."""
    while may_share(value.node) and value.node.inputs:
        value = value.node.inputs[0]
    return value
