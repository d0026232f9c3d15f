"""Activation checkpointing: what a part of a model keeps for the backward pass is computed again there.

The part runs as usual; then its nodes drop what they kept. The first node whose turn comes in the
backward pass runs the part once more, with the random numbers and the autocast it had, and all its nodes
are filled again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import enable_grad, is_grad_enabled
from facula.autograd.record import MarkedNode, Node, tick, version

__all__ = ["checkpoint", "checkpoint_sequential"]

_slot = Node.__dict__["kept"]


class _Region:
    """One checkpointed call: how to run it again, and what is to be filled then."""

    def __init__(self, again: Callable[[], list[Node]], count: int):
        self.again, self.count = again, count
        #: Nodes, and which of those that the function makes each stands for. The nodes hold the region; were it
        #: to hold them as well, memory would wait for the collector.
        self.nodes: list[tuple[weakref.ref[Node], int]] = []

    def empty(self, node: Node, index: int) -> None:
        node.__class__ = CheckpointedNode
        _slot.__set__(node, _Place(self, index))
        self.nodes.append((weakref.ref(node), index))

    def refill(self) -> None:
        fresh = self.again()
        nodes = [(old, i) for reference, i in self.nodes if (old := reference()) is not None]
        if len(fresh) != self.count or any(old.op is not fresh[i].op for old, i in nodes):
            raise RuntimeError(
                f"checkpoint: the function recorded {self.count} operations at first and {len(fresh)} other ones "
                f"when it ran again for the backward pass; it must do the same both times"
            )
        for old, i in nodes:
            found = _slot.__get__(fresh[i])
            if found.__class__ is _Place:  # of a checkpoint within this one
                found.region.empty(old, found.index)
            else:
                _slot.__set__(old, found)


class _Place:
    """What an emptied node keeps instead of values."""

    __slots__ = ("index", "region")

    def __init__(self, region: _Region, index: int):
        self.region, self.index = region, index


class CheckpointedNode(Node):
    """A node that fetches what it keeps when it is asked for it."""

    __slots__ = ()

    @property
    def kept(self) -> Any:
        found = _slot.__get__(self)
        if found.__class__ is _Place:
            found.region.refill()
            return self.kept  # which may be a place in a checkpoint within that one
        return found

    @kept.setter
    def kept(self, value: Any) -> None:
        _slot.__set__(self, value)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, which keeps no intermediate values: the backward pass runs it again.

    Slower by one forward pass, in exchange for memory. The second run has the random numbers and the autocast of
    the first. A function may use `checkpoint` itself; what is in both runs once more for each. `use_reentrant` makes
    no difference here: gradients reach parameters and `autograd.grad` alike. Raises RuntimeError in the backward pass
    where the second run differs, and where a tensor of `args` was written in place since. Within `facula.compile` it is a
    plain call: the compiler says what is computed twice.
    """
    from facula.amp.autocast_mode import same_autocast
    from facula.graph.scalars import is_capturing
    from facula.random import get_rng_state, set_rng_state

    if not is_grad_enabled() or is_capturing():
        return function(*args, **kwargs)
    before, casts = get_rng_state() if preserve_rng_state else None, same_autocast()
    inputs = [(x, version(x)) for x in args if isinstance(x, Tensor)]
    start = tick()
    result = function(*args, **kwargs)
    nodes = _made_since(start, result)

    def again() -> list[Node]:
        _refuse_written(inputs)
        now = get_rng_state()
        if before is not None:
            set_rng_state(before)
        try:
            with enable_grad(), casts:
                start = tick()
                return _made_since(start, function(*args, **kwargs))
        finally:
            set_rng_state(now)

    _empty(nodes, again)
    return result


def _refuse_written(inputs: list[tuple[Tensor, int]]) -> None:
    """Raises where an input was written since it had that version: the second run would compute something else."""
    for tensor, then in inputs:
        if (now := version(tensor)) != then:
            raise RuntimeError(
                f"one of the variables needed for gradient computation has been modified by an inplace operation: an "
                f"input of checkpoint, of shape {list(tensor.shape)}, is at version {now}; expected version {then} "
                f"instead. The backward pass computes again from it: write to a clone() of it"
            )


def _empty(nodes: list[Node], again: Callable[[], list[Node]]) -> None:
    region = _Region(again, len(nodes))
    for i, node in enumerate(nodes):
        # A node of a checkpoint within this one lets go of that, which keeps what went into it.
        known = node.__class__ in (Node, MarkedNode, CheckpointedNode) and node.op.backward is None
        if known and _slot.__get__(node):
            region.empty(node, i)


def _made_since(start: int, result: Any) -> list[Node]:
    """The nodes younger than `start` that lead to the tensors in `result`, oldest first."""
    stack = [t._node for t in _tensors(result) if t.requires_grad]
    found: dict[int, Node] = {}
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, Tensor) or node.time < start or id(node) in found:
            continue
        found[id(node)] = node
        stack.extend((node.node,) if hasattr(node, "node") else node.edges)
    return sorted(found.values(), key=lambda node: node.time)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [t for x in parts for t in _tensors(x)] if isinstance(value, (tuple, list, dict)) else []


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A Sequential in `segments` parts, each of them (but the last) checkpointed."""
    layers = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(layers):
        raise ValueError(
            f"checkpoint_sequential: segments is {segments}, expected 1 to {len(layers)}, the number of layers"
        )
    size = len(layers) // segments

    def run(part: list[Any]) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for layer in part:
                x = layer(x)
            return x

        return forward

    for i in range(segments - 1):
        input = checkpoint(run(layers[i * size : (i + 1) * size]), input, **kwargs)
    return run(layers[(segments - 1) * size :])(input)
