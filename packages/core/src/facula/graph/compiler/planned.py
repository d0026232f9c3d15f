"""Launches that are calls of a function that other C has, of which each thread does its part."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: What makes a plan anew, by the first word of a request.
_MAKERS = {
    "attention": "facula.graph.compiler.attention:Attend",
    "convolution": "facula.graph.compiler.convolve:Convolve",
    "recurrence": "facula.graph.compiler.recurrent:Recur",
}


class Planned:
    """A kernel whose plan lies at `address`: a struct that begins with the function which does a thread's part of it.

    That is called with the plan, an array of pointers, the thread and their number; where parts may be of any size (`is_cut`), with where the
    part begins and ends, and of what, in place of these. A launch has one operand (or None) for
    each pointer; those at `written` are written, those at `halves` are to bfloat16, others to float32. `work` is what it costs,
    as the schedule counts; None: by what is written. Launches of one object with the same operands may be joined. `request`
    says in words, numbers and tuples of them what it does, as no other does, its first word in `_MAKERS`; `workspace` how many
    bytes it works in. With a `matrix`, its rows and columns, the operand at `written[0]` is one of float32 in order, of which the function is given, as a last
    argument, what it is to do to rows that are made.
    """

    def __init__(
        self, address: int, written: tuple[int, ...], work: int | None = None, *, request: tuple[Any, ...], workspace: int = 0,
        halves: tuple[int, ...] = (), is_cut: bool = False, matrix: tuple[int, int] | None = None,
    ):  # fmt: skip
        self.address, self.written, self.work, self.halves = address, written, work, halves
        self.request, self.workspace, self.is_cut, self.matrix = request, workspace, is_cut, matrix


def plan_again(request: tuple[Any, ...]) -> Planned:
    """The plan of a request. Raises PrimitiveMissing where this machine has none."""
    module, _, name = _MAKERS[request[0]].partition(":")
    made: Planned = getattr(import_module(module), name)(*request[1:])
    return made
