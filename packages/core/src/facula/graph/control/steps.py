"""`scan`: a function along a dimension, that carries something from step to step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from facula._tensor import Tensor, edge_of, is_tracked
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
from facula.graph.ir import Graph, Value
from facula.graph.scalars import is_capturing
from facula.graph.tree import flatten_tree
from facula.ops._op import OPS, Tensors, op


class Steps(NamedTuple):
    """What a node of `scan_graphs` runs at each step.

    `forward` has (carry, slices, operands) as inputs, and (next carry, results) as outputs; `backward` has the cotangents of
    these as further inputs; its outputs are gradients of the inputs `sources`.
    """

    forward: Graph
    backward: Graph | None
    sources: list[int]
    results: list[Value]
    is_reversed: bool

    @property
    def graphs(self) -> dict[str, Graph]:
        return {"step": self.forward}


def scan(
    combine_fn: Callable[..., Any], init: Any, xs: Any, *, dim: int = 0, reverse: bool = False
) -> Any:
    """(carry, ys): `carry, y = combine_fn(carry, x)` for each slice `x` of `xs` along `dim`, the `y` stacked along dimension 0.

    `init`, `xs` and what `combine_fn` returns are tensors or containers of them; the carry keeps its shapes and
    dtypes. With `reverse` from the last slice to the first; `ys` keep the order of `xs`. In a compiled function the step is captured
    once, and is differentiable (once).

    >>> facula.scan(lambda c, x: (c + x, c * x), facula.tensor(0.0), facula.tensor([1.0, 2.0, 3.0]))
    (tensor(6.), tensor([0., 2., 9.]))
    """
    if not callable(combine_fn):
        raise RuntimeError("scan expects combine_fn to be callable")
    carry, rebuild_carry = flatten_tree(init)
    slices, rebuild_slices = flatten_tree(xs)
    for x in (*carry, *slices):
        if not isinstance(x, Tensor):
            raise RuntimeError(f"scan takes tensors as init and xs, got {x!r}")
    if not slices:
        raise RuntimeError("scan() expects at least one tensor in xs")
    slices = [x.movedim(dim, 0) for x in slices]
    lengths = {x.shape[0] for x in slices}
    if len(lengths) != 1:
        raise RuntimeError(
            f"scan: the tensors of xs have lengths {sorted(lengths)} along dimension {dim}"
        )

    def step(carry: list[Any], x: list[Any]) -> Any:
        result = combine_fn(rebuild_carry(iter(carry)), rebuild_slices(iter(x)))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise RuntimeError(
                f"scan: combine_fn must return (carry, y), got {type(result).__name__}"
            )
        return result

    done = _captured if is_capturing() else _loop
    last, ys, rebuild_ys = done(step, carry, slices, reverse)
    return rebuild_carry(iter(last)), rebuild_ys(iter(ys))


def _loop(step: Any, carry: list[Any], slices: list[Any], reverse: bool) -> Any:
    n = slices[0].shape[0]
    if n == 0:
        raise RuntimeError("scan: xs have length 0, so what combine_fn returns is unknown")
    rows: list[Any] = []
    rebuild: Any = None
    for t in range(n - 1, -1, -1) if reverse else range(n):
        next_carry, y = step(carry, [x[t] for x in slices])
        leaves, _ = flatten_tree(next_carry)
        _check_eager(carry, leaves)
        carry = leaves
        parts, rebuild = flatten_tree(y)
        rows.append(parts)
    if reverse:
        rows.reverse()
    return carry, [OPS["stack"].call(tuple(column), 0) for column in zip(*rows)], rebuild


def _check_eager(old: list[Any], new: list[Any]) -> None:
    was = [(x.dtype, tuple(x.shape)) for x in old]
    now = [(getattr(x, "dtype", type(x)), tuple(getattr(x, "shape", ()))) for x in new]
    if was != now:
        raise RuntimeError(
            f"scan: the carry must keep its shapes and dtypes; init has {was}, combine_fn returns {now}"
        )


def _captured(step: Any, carry: list[Any], slices: list[Any], reverse: bool) -> Any:
    if slices[0].shape[0] == 0:
        raise CaptureError("scan: xs have length 0, so what combine_fn returns is unknown")
    firsts = placeholders(carry)
    rows = placeholders([x[0] for x in slices])
    if is_grad_enabled():
        for t in (*firsts, *rows):
            if t.dtype.is_floating_point or t.dtype.is_complex:
                t.requires_grad_()
    values = [t._array.current() for t in (*firsts, *rows)]
    built: list[Any] = []

    def body() -> Any:
        next_carry, y = step(firsts, rows)
        leaves, _ = flatten_tree(next_carry)
        ys, rebuild = flatten_tree(y)
        built.append(rebuild)
        counts.append(len(leaves))
        return [*leaves, *ys]

    counts: list[int] = []
    needed = [is_tracked(t) for t in (*carry, *slices)]
    region = Region(body, (), "combine_fn of scan", (*firsts, *rows), needed)
    check_carried("combine_fn of scan", carry, region, counts[0])
    given = outside((region,), (*values, *region.cotangents))
    inputs = [*values, *(t._array.current() for t in given)]
    steps = _steps(region, [*firsts, *rows, *given], inputs, reverse)
    outs = run(SCAN, (tuple(carry), tuple(slices), tuple(given)), (steps,))
    return list(outs[: len(carry)]), list(outs[len(carry) :]), built[0]


def _steps(region: Region, tensors: list[Tensor], inputs: list[Value], reverse: bool) -> Steps:
    forward = region.graph(inputs, region.outputs)
    places = {(v, id(edge_of(t))): i for i, (v, t) in enumerate(zip(inputs, tensors)) if is_tracked(t)}  # fmt: skip
    sources = [places[v, id(edge_of(t))] for v, t in region.sources]
    backward = None
    if region.gradients:
        backward = region.graph([*inputs, *region.cotangents], region.gradients)
    return Steps(forward, backward, sources, forward.outputs, reverse)


def _order(steps: Steps, n: int) -> range:
    return range(n - 1, -1, -1) if steps.is_reversed else range(n)


@op(method=False, arithmetic=False, outputs=("results",))
def scan_graphs(xp: Any, init: Tensors, xs: Tensors, operands: Tensors, steps: Any) -> Any:
    """The last carry, and the results of all steps."""
    n, ys = xs[0].shape[0], steps.results[len(init) :]
    if not xp.has_values:
        last = tuple(xp.full(x.shape, 0, x.dtype) for x in init)
        return (*last, *(xp.full((n, *v.shape), 0, v.dtype) for v in ys))
    body, carry = runner(xp, steps.forward), list(init)
    rows: list[Any] = [None] * n
    for t in _order(steps, n):
        outs = body((*carry, *(xp.select(x, 0, t) for x in xs), *operands))
        carry, rows[t] = outs[: len(init)], outs[len(init) :]
    return (*carry, *(xp.stack(column, 0) for column in zip(*rows)))


@op(method=False, arithmetic=False, outputs=("gradients",))
def scan_gradients(
    xp: Any, init: Tensors, xs: Tensors, operands: Tensors, cotangents: Tensors, steps: Any
) -> Any:
    """The gradients of all inputs (zeros where none flows): the steps run anew, then backwards."""
    inputs = (*init, *xs, *operands)
    if not xp.has_values:
        return tuple(xp.full(x.shape, 0, x.dtype) for x in inputs)
    c, n = len(init), xs[0].shape[0]
    body, back = runner(xp, steps.forward), runner(xp, steps.backward)
    carries, carry = {}, list(init)
    for t in _order(steps, n):
        carries[t] = carry
        carry = body((*carry, *(xp.select(x, 0, t) for x in xs), *operands))[:c]
    g_carry = list(cotangents[:c])
    g_rows: list[Any] = [None] * n
    g_operands: list[Any] = [xp.full(x.shape, 0, x.dtype) for x in operands]
    for t in reversed(_order(steps, n)):
        row = [xp.select(x, 0, t) for x in xs]
        g_ys = [xp.select(g, 0, t) for g in cotangents[c:]]
        found = dict(zip(steps.sources, back((*carries[t], *row, *operands, *g_carry, *g_ys))))
        g_carry = [found.get(i) for i in range(c)]
        g_carry = [xp.full(x.shape, 0, x.dtype) if g is None else g for x, g in zip(init, g_carry)]
        g_rows[t] = [found.get(c + i) for i in range(len(xs))]
        for i in range(len(operands)):
            if c + len(xs) + i in found:
                g_operands[i] = xp.add(g_operands[i], found[c + len(xs) + i])
    g_xs = [_stacked(xp, x, [r[i] for r in g_rows]) for i, x in enumerate(xs)]
    return (*g_carry, *g_xs, *g_operands)


def _stacked(xp: Any, x: Any, rows: list[Any]) -> Any:
    return xp.full(x.shape, 0, x.dtype) if rows[0] is None else xp.stack(tuple(rows), 0)


def _rule(xp: Any, g: Any, init: Any, xs: Any, operands: Any, steps: Any) -> Any:
    n = xs[0].shape[0]
    shapes = [v.shape if i < len(init) else (n, *v.shape) for i, v in enumerate(steps.results)]
    parts = list(g) + [None] * (len(shapes) - len(g))
    full = [xp.full(s, 0, v.dtype) if x is None else x for s, v, x in zip(shapes, steps.results, parts)]  # fmt: skip
    found = list(xp.scan_gradients(init, xs, operands, tuple(full), steps))
    a, b = len(init), len(init) + len(xs)
    return found[:a], found[a:b], found[b:]


SCAN: Any = OPS["scan_graphs"]
SCAN.vjp(("init", "xs", "operands"), _rule)
OPS["scan_gradients"].vjp(
    ("init", "xs", "operands", "cotangents"),
    no_second("scan within a compiled function has no second derivative; compute it in eager mode"),
)
gives_tuple(SCAN)
gives_tuple(OPS["scan_gradients"])
