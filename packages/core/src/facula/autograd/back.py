"""What an ordinary backward pass runs for a node: one function per plan, written out.

It checks the versions of what was kept, calls the rules, and returns their gradients in the order of
`Plan.positions`. A pass that is itself recorded, complex numbers and halves go through
`engine.gradients`, which says the same in general.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.autograd.record import INPUT, MANY, NEEDS, OUTPUT, Plan
from facula.ops._op import Op

#: Views onto a part of their input, whose gradient is added into the pending buffer in place.
SLICES = frozenset(("slice", "select", "narrow", "diagonal"))
#: In the place of a function: the node goes the general way; its gradient goes into a part of a buffer.
GENERAL, PART = False, True

_INPUT = """    at = 0
    if k{i}.__class__ is tuple:
        k{i}, at = k{i}
    if k{i}.__class__ is Tensor or k{i}.__class__ is Parameter:
        if (k{i}._cell[0] if k{i}._cell else 0) != at:
            input_of(node, (k{i}, at), {name!r})
        k{i} = k{i}._array
    elif k{i}.__class__ is not float:
        k{i} = input_of(node, (k{i}, at), {name!r})
"""
_OUTPUT = """    k{i}, cell, at = k{i}
    if cell[0] != at:
        moved(node, "its output '{name}'", k{i}.shape, cell[0], at)
"""


def build(op: Op, plan: Plan, general: dict[str, Any]) -> Any:
    """Sets `plan.positions`; returns `back(node, g, xp)`, GENERAL or PART. `general`: the engine's functions."""
    if op.backward is not None:
        return GENERAL
    if op.view and op.name in SLICES:
        return PART
    if any(any(lists) and len(lists) > 1 for _, _, lists, _, _, _ in plan.calls):
        return GENERAL
    scope: dict[str, Any] = dict(general)
    lines = ["def back(node, g, xp):\n"]
    if plan.saves:
        lines.append("    kept = node.kept\n    if kept is None:\n        freed(node)\n")
        lines.append(f"    {_names(plan)}= kept\n")
    for i, (kind, _, name) in enumerate(plan.saves):
        if kind == INPUT:
            lines.append(_INPUT.format(i=i, name=name))
        elif kind == OUTPUT:
            lines.append(_OUTPUT.format(i=i, name=name))
        elif kind == MANY:
            lines.append(f"    k{i} = tuple([input_of(node, k, {name!r}) for k in k{i}])\n")
    results, positions = [], []
    for n, (function, spans, lists, places, needs, _) in enumerate(plan.calls):
        scope[f"rule{n}"], scope[f"needs{n}"] = function, needs
        saved = [f"needs{n}" if plan.saves[i][0] == NEEDS else f"k{i}" for i in places]
        star = "*" if len(spans) > 1 or lists[0] else ""
        results.append(f"{star}rule{n}({', '.join(['xp', 'g', *saved])}), ")
        positions += [i for span in spans for i in span]
    plan.positions = tuple(positions)
    lines.append(f"    return ({''.join(results)})\n")
    exec(compile("".join(lines), f"<facula backward of {op.name}>", "exec"), scope)
    back: Callable[..., Any] = scope["back"]
    return back


def _names(plan: Plan) -> str:
    return "".join(f"k{i}, " for i in range(len(plan.saves)))
