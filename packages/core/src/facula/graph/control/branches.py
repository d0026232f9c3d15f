"""`cond`: one of two functions, as the value of a tensor says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from facula._tensor import Tensor, edge_of, is_tracked
from facula.autograd.record import run
from facula.graph.control.region import (
    Region,
    gives_tuple,
    no_second,
    outside,
    runner,
)
from facula.graph.errors import CaptureError, user_line
from facula.graph.ir import Graph, Value
from facula.graph.scalars import is_capturing
from facula.ops._op import OPS, Tensors, op


class Branches(NamedTuple):
    """What a node of `cond_graphs` may run: for true and for false."""

    forward: tuple[Graph, Graph]
    backward: tuple[Graph, Graph] | None
    results: list[Value]
    sources: list[int]  # the operands that get a gradient

    @property
    def graphs(self) -> dict[str, Graph]:
        return {"true": self.forward[0], "false": self.forward[1]}


def cond(
    pred: Any,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: tuple[Any, ...] | list[Any] = (),
) -> Any:
    """`true_fn(*operands)` if `pred` else `false_fn(*operands)`.

    `pred` is a bool or a tensor of one bool. In a compiled function both are captured, and each call runs
    one: they return tensors, of the same shapes and dtypes, and write nothing of the outside.
    Differentiable (once, within a compiled function).

    >>> facula.cond(facula.tensor(True), lambda x: x + 1, lambda x: x - 1, (facula.tensor(2.0),))
    tensor(3.)
    """
    _check(pred, true_fn, false_fn, operands)
    if not isinstance(pred, Tensor) or not is_capturing():
        return true_fn(*operands) if pred else false_fn(*operands)
    a = Region(true_fn, operands, "true_fn of cond")
    b = Region(false_fn, operands, "false_fn of cond")
    if a.describe() != b.describe():
        line = user_line()
        raise CaptureError(
            f"true_fn of cond returns {', '.join(a.describe()) or 'nothing'}, false_fn {', '.join(b.describe()) or 'nothing'}"
            f"{f', at {line}' if line else ''}; both must return the same shapes and dtypes"
        )
    given = outside((a, b), (*a.cotangents, *b.cotangents))
    outs = run(COND, (pred.reshape(()), tuple(given)), (_branches(a, b, given),))
    return a.rebuild(iter(outs))


def _check(pred: Any, true_fn: Any, false_fn: Any, operands: Any) -> None:
    if isinstance(pred, Tensor):
        if pred.numel() != 1 or pred.dtype.name != "bool":
            raise RuntimeError(
                f"cond expects a bool or a tensor of one bool as pred, got {pred.dtype} of shape {list(pred.shape)}"
            )
    elif not isinstance(pred, (bool, int, float)):
        raise RuntimeError(
            f"cond expects a bool or a tensor of one bool as pred, got {type(pred).__name__}"
        )
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("cond expects true_fn and false_fn to be callable")
    if not isinstance(operands, (tuple, list)):
        raise RuntimeError(
            f"cond expects a tuple of operands, got {type(operands).__name__}; write (x,) for one"
        )


def _branches(a: Region, b: Region, given: list[Tensor]) -> Branches:
    values = [t._array.current() for t in given]
    forward = (a.graph(values, a.outputs), b.graph(values, b.outputs))
    sources = [i for i, t in enumerate(given) if is_tracked(t)]
    backward = None
    if a.gradients or b.gradients:
        backward = _gradient(a, given, values, sources), _gradient(b, given, values, sources)
    return Branches(forward, backward, forward[0].outputs, sources)


def _gradient(region: Region, given: list[Tensor], values: list[Value], sources: list[int]) -> Any:
    """The gradients of the sources; None in the place of those that this branch does not read."""
    found = {(v, id(edge_of(t))): g for (v, t), g in zip(region.sources, region.gradients)}
    wanted = [found.get((values[i], id(edge_of(given[i])))) for i in sources]
    graph = region.graph([*values, *region.cotangents], [g for g in wanted if g is not None])
    return graph, [g is not None for g in wanted]


@op(method=False, arithmetic=False, outputs=("results",))
def cond_graphs(xp: Any, pred: Tensor, operands: Tensors, branches: Any) -> Any:
    """The results of one of two sub-graphs, run on `operands`."""
    if not xp.has_values:
        return tuple(xp.full(v.shape, 0, v.dtype) for v in branches.results)
    return tuple(runner(xp, branches.forward[0 if xp.to_numpy(pred) else 1])(operands))


@op(method=False, arithmetic=False, outputs=("gradients",))
def cond_gradients(
    xp: Any, pred: Tensor, operands: Tensors, cotangents: Tensors, branches: Any
) -> Any:
    """The gradients of the operands that get one; the branch runs anew for it."""
    shapes = [(operands[i].shape, operands[i].dtype) for i in branches.sources]
    if not xp.has_values:
        return tuple(xp.full(shape, 0, dtype) for shape, dtype in shapes)
    graph, has = branches.backward[0 if xp.to_numpy(pred) else 1]
    found = iter(runner(xp, graph)((*operands, *(cotangents if graph.inputs else ()))))
    return tuple(next(found) if h else xp.full(*_zero(s)) for h, s in zip(has, shapes))


def _zero(shape: Any) -> Any:
    return shape[0], 0, shape[1]


def _rule(xp: Any, g: Any, pred: Any, operands: Any, branches: Any) -> Any:
    given = list(g) + [None] * (len(branches.results) - len(g))
    parts = [
        xp.full(v.shape, 0, v.dtype) if x is None else x for v, x in zip(branches.results, given)
    ]
    found = iter(xp.cond_gradients(pred, operands, tuple(parts), branches))
    return [next(found) if i in branches.sources else None for i in range(len(operands))]


COND: Any = OPS["cond_graphs"]
COND.vjp(operands=_rule)
OPS["cond_gradients"].vjp(
    ("operands", "cotangents"),
    no_second("cond within a compiled function has no second derivative; compute it in eager mode"),
)
gives_tuple(COND)
gives_tuple(OPS["cond_gradients"])
