"""The backward pass: nodes from young to old, each turning the gradient of its output into its inputs'.

In an ordinary pass rules see raw arrays and the backend's kernels; no tensor is made. With
`create_graph` they see tensors and the recording namespace, so the gradient is on the tape as well.
"""

from __future__ import annotations

import heapq
import sys
from typing import Any, NoReturn

from facula._tensor import Parameter, Tensor, alias, bump
from facula.autograd.anomaly import refuses_nan
from facula.autograd.back import GENERAL, PART, SLICES, build
from facula.autograd.deferred import Deferred
from facula.autograd.halves import Halves, rules_take_halves, single
from facula.autograd.hooks import replaced
from facula.autograd.mode import Mode, around, is_grad_enabled, set_recording, state
from facula.autograd.record import (
    INPUT,
    MANY,
    OUTPUT,
    Node,
    Output,
    attach_output,
    from_array,
    kept_input,
    recorder,
    version,
)
from facula.dtypes import F32, F64, HALF, complex64, complex128
from facula.mixed_devices import MixedDevicesError
from facula.ops._op import OPS

_COMPLEX: frozenset[Any] = frozenset((complex64, complex128, complex64.dtype, complex128.dtype))


class Pass:
    """One backward pass: the gradients that wait (`pending`) and the nodes to run (`heap`)."""

    def __init__(self, create_graph: bool, retain_graph: bool, needed: set[int] | None):
        self.create_graph, self.retain_graph, self.needed = create_graph, retain_graph, needed
        self.pending: dict[int, Any] = {}
        self.parts: dict[int, list[Any]] = {}  # several-output nodes: cotangents by output
        self.owned: set[int] = set()  # targets whose pending array is ours alone to write
        self.heap: list[tuple[int, Node]] = []
        self.leaves: dict[int, Tensor] = {}
        self.captured: dict[int, Any] = {}
        self.refuses_nan = refuses_nan()

    # ---- gradients in and out

    def wrap(self, g: Any, backend: Any) -> Tensor:
        return g if self.create_graph else from_array(backend, g)

    def unwrap(self, g: Tensor) -> Any:
        return g if self.create_graph else g._array

    def namespace(self, backend: Any) -> Any:
        return recorder(backend) if self.create_graph else backend

    def send(self, target: Any, g: Any) -> None:
        """Adds `g` to what waits for `target` (a node or a leaf)."""
        key = id(target)
        if self.needed is not None and key not in self.needed:
            return
        if isinstance(target, Tensor):
            shape, backend = target._array.shape, target._backend
        else:
            shape, backend = target.shape, target.backend
        if g.shape != shape:
            if g.__class__ is Deferred:
                g = g.value()
            g = self.namespace(backend).sum_to(g, tuple(shape))
        before = self.pending.get(key)
        if before is None:
            self.pending[key] = g
            self.queue(target)
        elif before.__class__ is Deferred:
            if g.__class__ is not Deferred or not before.add(g):
                self.pending[key] = before.value()
                self.owned.add(key)
                self._add(key, g, backend)
        else:
            self._add(key, g, backend)

    def _add(self, key: int, g: Any, backend: Any) -> None:
        """Adds to an array that waits: in place where it is ours alone."""
        if g.__class__ is Deferred:
            g = g.value()
        before = self.pending[key]
        if key in self.owned:
            backend.accumulate(before, g)
        else:
            self.pending[key] = added = self.namespace(backend).add(before, g)
            if not self.create_graph and added.__class__ is backend.Array:
                self.owned.add(key)  # a NumPy scalar cannot be written

    def send_own(self, target: Any, g: Any) -> None:
        """`send` of an array that nobody else reads: it may be written, and need not be copied."""
        self.send(target, g)
        if self.pending.get(id(target)) is g:
            self.owned.add(id(target))

    def send_view(self, node: Node, target: Any, g: Any) -> None:
        """Adds the gradient of a slice into the pending buffer of what it is a slice of.

        Zeros with `g` put in, once per slice, would make an unbind over T steps cost T squared.
        """
        key = id(target)
        if self.needed is not None and key not in self.needed:
            return
        shape = target._array.shape if isinstance(target, Tensor) else target.shape
        if node.shape == shape:  # the whole of it
            self.send(target, g)
            return
        backend = node.backend
        buffer = self.pending.get(key)
        if key not in self.owned:
            before, buffer = buffer, backend.full(shape, 0, g.dtype)
            if before is not None:
                backend.write(buffer, before.value() if before.__class__ is Deferred else before)
            self.pending[key] = buffer
            self.owned.add(key)
            if before is None:
                self.queue(target)
        backend.accumulate(getattr(backend, node.op.name)(buffer, *node.options), g)

    def queue(self, target: Any) -> None:
        """Called when the first gradient has come for a target."""
        if isinstance(target, Tensor):
            self.leaves[id(target)] = target
        else:
            heapq.heappush(self.heap, (-target.time, target))

    def run(self) -> None:
        watched = isinstance(state.mode, Mode)
        if self.create_graph or self.needed is not None or self.captured or watched:
            while self.heap:
                node, g = self._next()
                if node.__class__ is Output:
                    self._run_output(node, g)
                else:
                    self._run_node(node, g)
        else:
            self._run_plain()
        pending = self.pending
        for key, leaf in self.leaves.items():
            if pending[key].__class__ is Deferred:
                pending[key] = pending[key].value()
            hooks = leaf.__dict__.get("_hooks")
            if hooks:
                pending[key] = self._call_hooks(hooks, pending[key], leaf._backend)
                self.owned.discard(key)  # a hook may keep it

    def _next(self) -> tuple[Any, Any]:
        """The youngest node that waits, and what came for it: a gradient, or a list by output."""
        node = heapq.heappop(self.heap)[1]
        key = id(node)
        g = self.pending.pop(key, None)
        self.owned.discard(key)
        if g.__class__ is Deferred:
            g = g.value()
        return node, self.parts.pop(key) if g is None else g

    def _run_plain(self) -> None:
        """All nodes, where nobody watches, and nothing but leaves is asked for."""
        heap, pending, owned, send = self.heap, self.pending, self.owned, self.send
        pop, push, needs_kept = heapq.heappop, heapq.heappush, self.retain_graph
        while heap:
            node = pop(heap)[1]
            g = pending.pop(id(node), None)
            if g is None:
                g = self.parts.pop(id(node))
            elif g.__class__ is Deferred:
                g = g.value()
            if isinstance(node, Output):
                self._run_output(node, g)
                continue
            if node.__class__ is not Node:  # a marked one, or one of a checkpoint
                self._run_node(node, g)
                continue
            plan = node.plan
            run = plan.back
            if run is None:
                run = plan.back = build(node.op, plan, _GENERAL)
            if (
                run is GENERAL
                or node.backend.scope is not None
                or not (g.__class__ is list or g.dtype is F32 or g.dtype is F64)
            ):
                self._run_node(node, g)
            elif run is PART:
                target = node.edges[0]
                if id(target) in owned:  # `send_view`, where the buffer is there
                    xp = node.backend
                    part = getattr(xp, node.op.name)(pending[id(target)], *node.options)
                    xp.accumulate(part, g)
                else:
                    self.send_view(node, target, g)
            else:
                found = run(node, g, node.backend)
                if plan.saves and not needs_kept:
                    node.kept = None
                edges = node.edges
                for at, gi in zip(plan.positions, found):
                    target = edges[at]
                    if gi is None or target is None:
                        continue
                    key = id(target)
                    if target.__class__ is Node and key not in pending and gi.shape == target.shape:
                        pending[key] = gi  # `send`, where nothing waits yet
                        push(heap, (-target.time, target))
                    elif (
                        target.__class__ is Output
                        and not target.hooks
                        and gi.__class__ is not Deferred
                        and gi.shape == target.shape
                    ):
                        self._collect(target, gi)  # what the part would pass on when its turn came
                    else:
                        send(target, gi)

    def _run_output(self, part: Output, g: Any) -> None:
        goes_on = self.needed is None or id(part.node) in self.needed
        g = self._observed(part, g, goes_on)
        if goes_on:
            self._collect(part, g)

    def _collect(self, part: Output, g: Any) -> None:
        """Puts the gradient of an output beside those of the others, or adds it to what came for it before."""
        node, index = part.node, part.index
        waiting = self.parts.get(id(node))
        if waiting is None:
            waiting = self.parts[id(node)] = [None] * max(len(node.op.outputs), index + 1)
            self.queue(node)
        while len(waiting) <= index:
            waiting.append(None)
        before = waiting[index]
        if before is None:
            waiting[index] = g
        else:
            waiting[index] = self.namespace(node.backend).add(before, g)

    def _call_hooks(self, hooks: dict[int, Any], g: Any, backend: Any) -> Any:
        tensor = self.wrap(g, backend)
        for hook in list(hooks.values()):
            tensor = replaced(tensor, hook(tensor), hook)
        return self.unwrap(tensor)

    def _observed(self, node: Any, g: Any, goes_on: bool) -> Any:
        """What hooks make of the gradient. Where it goes on, what was asked for is what came to them, as in PyTorch."""
        wanted = id(node) in self.captured
        if wanted:
            self.captured[id(node)] = g
        if node.hooks:
            g = self._call_hooks(node.hooks, g, node.backend)
            if wanted and not goes_on:
                self.captured[id(node)] = g
        return g

    def _run_node(self, node: Node, g: Any) -> None:
        goes_on = self.needed is None or any(
            e is not None and id(e) in self.needed for e in node.edges
        )
        g = self._observed(node, g, goes_on)
        if not goes_on:
            return
        try:
            is_slice = node.op.view and node.op.name in SLICES
            if is_slice and not self.create_graph and not self.refuses_nan:
                self.send_view(node, node.edges[0], g)
                return
            scope = node.backend.scope
            if scope is None:
                found = (node.op.backward or gradients)(node, g, self)
            else:
                with scope():
                    found = (node.op.backward or gradients)(node, g, self)
            for at, gi in found:
                if gi is not None and node.edges[at] is not None:
                    if self.refuses_nan and node.backend.has_values:
                        gi = gi.value() if gi.__class__ is Deferred else gi
                        _refuse_nan(node, gi)
                    self.send(node.edges[at], gi)
        except Exception as error:
            if node.traceback:
                error.add_note(
                    f"in the backward of '{node.op.name}', which was called here:\n{node.traceback}"
                )
            elif self.refuses_nan:
                error.add_note(
                    f"in the backward of '{node.op.name}'; anomaly detection in the forward pass as well would tell "
                    f"where it was called"
                )
            raise


def _refuse_nan(node: Node, g: Any) -> None:
    values = node.backend.to_numpy(g._array if isinstance(g, Tensor) else g)
    if bool((values != values).any()):
        raise RuntimeError(
            f"Function '{node.op.name}' returned nan values in its backward (gradient of shape {values.shape})."
        )


def gradients(node: Node, g: Any, run: Pass) -> list[tuple[int, Any]]:
    """(position, gradient) for the tracked inputs of a node, by the rules of its op."""
    op, create_graph = node.op, run.create_graph
    if node.kept is None:
        raise_freed(node)
    plan = node.plan
    values = [_saved(node, save, kept, create_graph) for save, kept in zip(plan.saves, node.kept)]
    xp = recorder(node.backend) if create_graph else node.backend
    several = isinstance(g, list)
    conjugate = op.holomorphic and not several and g.dtype in _COMPLEX
    if conjugate:
        g = xp.conj(g)
    if node.half is not None and not create_graph:
        if rules_take_halves(xp, op, node.half):
            xp = Halves(xp)
        else:
            g = [single(xp, x) for x in g] if several else single(xp, g)
            values = [single(xp, v) for v in values]
    out = []
    for function, spans, lists, positions, needs, wants_needs in plan.calls:
        saved = [values[i] for i in positions]
        if wants_needs:
            saved = [needs if plan.saves[i][2] == "needs" else v for i, v in zip(positions, saved)]
        result = function(xp, g, *saved)
        if len(spans) == 1:
            result = (result,)
        for span, is_list, r in zip(spans, lists, result):
            for i, gi in zip(span, r if is_list else (r,)):
                if gi is not None and node.edges[i] is not None:
                    if gi.__class__ is Deferred and (conjugate or node.half is not None):
                        gi = gi.value()
                    if conjugate:
                        gi = xp.conj(gi)
                    if node.half is not None and gi.dtype not in HALF:
                        gi = xp.cast(gi, node.half)
                    out.append((i, gi))
    if not run.retain_graph and plan.saves:
        node.kept = None
    return out


def raise_freed(node: Node) -> NoReturn:
    raise RuntimeError(
        f"Trying to backward through the graph a second time (at '{node.op.name}'): its saved tensors were freed by "
        "the first backward; give retain_graph=True there if you need a second"
    )


def _saved(node: Node, save: tuple[int, int, str], kept: Any, create_graph: bool) -> Any:
    kind, _, name = save
    if kind == INPUT:
        return _saved_input(node, kept, name, create_graph)
    if kind == OUTPUT:
        array, cell, at = kept
        if cell[0] != at:
            raise_moved(node, f"its output '{name}'", array.shape, cell[0], at)
        return _output_tensor(node, save[1], array, cell) if create_graph else array
    if kind == MANY:
        return tuple(_saved_input(node, k, name, create_graph) for k in kept)
    return kept


def _saved_input(node: Node, kept: Any, name: str, create_graph: bool) -> Any:
    tensor, at = kept_input(kept)
    if not isinstance(tensor, Tensor):
        return tensor
    if version(tensor) != at:
        raise_moved(node, f"its input '{name}'", tensor.shape, version(tensor), at)
    return tensor if create_graph else tensor._array


def _saved_array(node: Node, kept: Any, name: str) -> Any:
    return _saved_input(node, kept, name, False)


def _output_tensor(node: Node, index: int, array: Any, cell: list[int]) -> Tensor:
    """An output as a tensor on the tape again; one of several goes to its own part of the node."""
    tensor = from_array(node.backend, array)
    if array.dtype.kind in "iub":
        return tensor
    if node.op.outputs:
        attach_output(node, index, tensor, node.backend)
    else:
        tensor._node, tensor._requires_grad = node, True
    tensor._cell = cell
    return tensor


def raise_moved(node: Node, what: str, shape: Any, now: int, then: int) -> None:
    where = f"\nThe op was called here:\n{node.traceback}" if node.traceback else (
        " Hint: enable anomaly detection to find the operation, with facula.autograd.set_detect_anomaly(True)."
    )  # fmt: skip
    raise RuntimeError(
        f"one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"'{node.op.name}' needs {what} of shape {list(shape)}, which is at version {now}; expected version {then} "
        f"instead.{where}"
    )


_GENERAL = {
    "freed": raise_freed, "input_of": _saved_array, "moved": raise_moved,
    "Tensor": Tensor, "Parameter": Parameter,
}  # fmt: skip


# ---- entry points


def run_backward(
    roots: list[Tensor], grads: list[Tensor | None], wanted: list[Tensor] | None,
    retain_graph: bool, create_graph: bool, accumulate: bool,
) -> list[Tensor | None]:  # fmt: skip
    """Runs a pass from `roots`; returns the gradients of `wanted`, or adds to `.grad` of all leaves."""
    return around(  # type: ignore[no-any-return]
        "backward",
        lambda: _run_backward(roots, grads, wanted, retain_graph, create_graph, accumulate),
    )


def _run_backward(
    roots: list[Tensor], grads: list[Tensor | None], wanted: list[Tensor] | None,
    retain_graph: bool, create_graph: bool, accumulate: bool,
) -> list[Tensor | None]:  # fmt: skip
    from facula._tensor import edge_of

    targets = None if wanted is None else [edge_of(t) for t in wanted]
    needed = None if targets is None else _leading_to([edge_of(r) for r in roots], targets)
    run = Pass(create_graph, retain_graph, needed)
    for t in targets or ():
        run.captured[id(t)] = None
    if isinstance(state.mode, Mode):
        state.mode.watch_pass(run)
    was_recording = is_grad_enabled()
    set_recording(create_graph)
    try:
        for root, g in zip(roots, grads):
            run.send(edge_of(root), run.unwrap(_initial(root, g)))
        run.run()
        if accumulate:
            keep = None if targets is None else {id(t) for t in targets}
            while run.leaves:
                key, leaf = run.leaves.popitem()
                if keep is None or key in keep:
                    _accumulate(leaf, run.pending.pop(key), run)
    finally:
        set_recording(was_recording)
    results: list[Tensor | None] = []
    for tensor, target in zip(wanted or (), targets or ()):
        g = (
            run.pending.get(id(target))
            if isinstance(target, Tensor)
            else run.captured.get(id(target))
        )
        results.append(None if g is None else run.wrap(g, tensor._backend))
    return results


def _initial(root: Tensor, g: Tensor | None) -> Tensor:
    if g is None:
        if root.numel() != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, this one has shape {list(root.shape)}; "
                f"reduce it with .sum() or .mean(), or give the gradient"
            )
        return from_array(
            root._backend, root._backend.full(root._array.shape, 1, root._array.dtype)
        )
    if g.shape != root.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad has shape {list(g.shape)} and the output has shape {list(root.shape)}"
        )
    if g._backend.device != root._backend.device:
        if g._array.shape:
            raise MixedDevicesError("backward", [("the tensor", root), ("the gradient given", g)])
        g = OPS["to_backend"].call(g, root._backend, g._backend)
    return OPS["cast"].call(g, root._array.dtype) if g._array.dtype is not root._array.dtype else g


def _leading_to(roots: list[Any], targets: list[Any]) -> set[int]:
    """ids of the nodes and leaves from which a target can be reached."""
    nodes, stack, seen = [], list(roots), set()
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Tensor):
            continue
        nodes.append(node)
        stack.extend((node.node,) if node.__class__ is Output else node.edges)
    needed = {id(t) for t in targets}
    for node in sorted(nodes, key=lambda n: n.time):
        inputs = (node.node,) if node.__class__ is Output else node.edges
        if any(e is not None and id(e) in needed for e in inputs):
            needed.add(id(node))
    return needed


def _references(leaf: Any, g: Any, run: Any) -> int:
    return sys.getrefcount(g)


#: What `sys.getrefcount` says in `_accumulate` of an array that nobody else holds; Pythons differ.
_ALONE = _references(None, {0: object()}.pop(0), None)


def _accumulate(leaf: Tensor, g: Any, run: Pass) -> None:
    """Adds to `leaf.grad`: in place, unless the gradient itself is on the tape."""
    backend = leaf._backend
    before = leaf.grad
    if run.create_graph:
        leaf.__dict__["_grad"] = g.clone() if before is None else before + g
    elif before is None:
        # Rules may pass their cotangent on, so an array that someone else holds must be copied.
        if id(leaf) not in run.owned and (sys.getrefcount(g) > _ALONE or not backend.is_whole(g)):
            g = backend.copy(g)
        leaf.__dict__["_grad"] = from_array(backend, g)
    elif before.requires_grad:
        leaf.__dict__["_grad"] = alias(before).detach() + from_array(backend, g)
    else:
        backend.accumulate(before._array, g)
        bump(before)
    hooks = leaf.__dict__.get("_post_accumulate_hooks")
    if hooks:
        for hook in list(hooks.values()):
            hook(leaf)
