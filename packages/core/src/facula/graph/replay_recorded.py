"""Replays a graph op by op: what the tape recorded at capture is recorded again, the rest runs raw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from facula._tensor import Tensor
from facula.autograd.record import from_array, run
from facula.graph.deliver import home
from facula.graph.ir import CONSTANT, Graph, Node, Runtime, Value
from facula.graph.replay import last_uses


def replay_recorded(
    graph: Graph, inputs: Sequence[Any], options: Sequence[Any], place: Callable[[Any], Any] | None = None
) -> list[Tensor]:  # fmt: skip
    """The outputs for tensors. With `place` not on the backends of the capture, but on what it gives for each."""
    place = place or _same
    env: dict[Any, Any] = dict(zip(graph.inputs, inputs)) | dict(zip(graph.options, options))
    dying = last_uses(graph)
    for node in graph.nodes:
        results = _run_node(node, env, place)
        for value, result in zip(node.outputs, results):
            if value is not None:
                env[value] = result
        for value in dying[node]:
            env.pop(value, None)
    return [env[v] for v in graph.outputs]


def _run_node(node: Node, env: dict[Any, Any], place: Callable[[Any], Any]) -> Any:
    backend = place(node.backend)
    if node.op is CONSTANT:
        array = node.args[0]
        return [from_array(backend, array if backend is node.backend else backend.asarray(array))]
    if node.mask == 0:
        kernel = getattr(backend, node.name)
        result = kernel(*[_replace(a, env, _array) for a in node.args])
        results = result if isinstance(result, (tuple, list)) else [result]
        return [
            None if v is None else from_array(place(home(v)), r)
            for v, r in zip(node.outputs, results)
        ]
    position = iter(range(1_000_000))

    def tensor(t: Any) -> Any:
        return t if node.mask >> next(position) & 1 or not isinstance(t, Tensor) else t.detach()

    def argument(a: Any) -> Any:
        if a.__class__ is tuple:
            return tuple(map(argument, a))
        return tensor(env[a] if a.__class__ in (Value, Runtime) else a)

    kinds = [p.kind for p in node.op.parameters]
    ins = tuple(argument(a) for a, k in zip(node.args, kinds) if k != "option")
    opts = tuple(_replace(a, env, _same) for a, k in zip(node.args, kinds) if k == "option")
    result = run(node.op, ins, opts)
    return result if isinstance(result, tuple) else [result]


def _replace(a: Any, env: dict[Any, Any], read: Callable[[Any], Any]) -> Any:
    if a.__class__ is Value or a.__class__ is Runtime:
        return read(env[a])
    if a.__class__ is tuple:
        return tuple(_replace(x, env, read) for x in a)
    return a


def _array(x: Any) -> Any:
    return x._array if isinstance(x, Tensor) else x


def _same(x: Any) -> Any:
    return x
