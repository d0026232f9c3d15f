"""`while_loop`: a function on its own results, as long as a tensor says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from facula._tensor import Tensor, is_tracked
from facula.autograd.mode import is_grad_enabled
from facula.autograd.record import run
from facula.graph.control.region import (
    Region,
    check_carried,
    gives_tuple,
    no_second,
    outside,
    placeholders,
    runner,
)
from facula.graph.errors import CaptureError
from facula.graph.ir import Graph
from facula.graph.scalars import is_capturing
from facula.graph.tree import flatten_tree
from facula.ops._op import OPS, Tensors, op


class Loop(NamedTuple):
    """What a node of `while_graphs` runs: the test and the body, both of what is carried and of operands."""

    condition: Graph
    body: Graph

    @property
    def graphs(self) -> dict[str, Graph]:
        return {"while": self.condition, "do": self.body}


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Any
) -> Any:
    """`carried = body_fn(*carried)` while `cond_fn(*carried)`; returns what is carried in the end.

    `carried_inputs` is a tuple of tensors, or of containers of them; `body_fn` returns the like, of the same shapes
    and dtypes; `cond_fn` returns a bool or a tensor of one bool. In a compiled function both are captured once, write
    nothing of the outside, and have no gradient there (`scan` has).

    >>> facula.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (facula.tensor(0), facula.tensor(1.0)))
    (tensor(3), tensor(8.))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("while_loop expects cond_fn and body_fn to be callable")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(
            f"while_loop expects a tuple of carried_inputs, got {type(carried_inputs).__name__}; write (x,) for one"
        )
    leaves, rebuild = flatten_tree(tuple(carried_inputs))
    for x in leaves:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"while_loop carries tensors, got {x!r}; a number is facula.tensor(number)"
            )
    if not is_capturing():
        return _loop(cond_fn, body_fn, tuple(carried_inputs))
    if is_grad_enabled() and any(map(is_tracked, leaves)):
        raise CaptureError(
            "while_loop has no gradient during capture, and what it carries requires grad; use scan, or no_grad"
        )
    return rebuild(iter(_captured(cond_fn, body_fn, leaves, rebuild)))


def _loop(cond_fn: Any, body_fn: Any, carried: tuple[Any, ...]) -> Any:
    while cond_fn(*carried):
        result = body_fn(*carried)
        carried = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    return carried


def _captured(cond_fn: Any, body_fn: Any, leaves: list[Any], rebuild: Any) -> Any:
    from facula.autograd import no_grad

    with no_grad():
        carried = placeholders(leaves)
        values = [t._array.current() for t in carried]
        test = Region(lambda: cond_fn(*rebuild(iter(carried))), (), "cond_fn of while_loop")
        body = Region(lambda: body_fn(*rebuild(iter(carried))), (), "body_fn of while_loop")
        if test.describe() not in (["bool[]"], ["bool[1]"]):
            raise CaptureError(
                f"cond_fn of while_loop returns {', '.join(test.describe()) or 'nothing'}, expected one bool"
            )
        check_carried("body_fn of while_loop", leaves, body)
        given = outside((test, body), values)
        inputs = [*values, *(t._array.current() for t in given)]
        loop = Loop(test.graph(inputs, test.outputs), body.graph(inputs, body.outputs))
        return run(WHILE, (tuple(leaves), tuple(given)), (loop,))


@op(method=False, arithmetic=False, outputs=("results",))
def while_graphs(xp: Any, carried: Tensors, operands: Tensors, loop: Any) -> Any:
    """What is carried in the end."""
    if not xp.has_values:
        return tuple(xp.full(x.shape, 0, x.dtype) for x in carried)
    test, body = runner(xp, loop.condition), runner(xp, loop.body)
    now = [xp.clone(x) for x in carried]
    while xp.to_numpy(test((*now, *operands))[0]).item():
        now = body((*now, *operands))
    return tuple(now)


WHILE: Any = OPS["while_graphs"]
WHILE.vjp(("carried", "operands"), no_second("while_loop has no gradient; use scan"))
gives_tuple(WHILE)
