"""Launches that are calls of a function that other C has, of which each thread does its part."""

from __future__ import annotations


class Planned:
    """A kernel whose plan lies at `address`: a struct that begins with the function which does a thread's part of it.

    That is called with the plan, an array of pointers, the thread and their number. A launch has one operand (or None) for
    each pointer; those at `written` are written. `work` is what it costs, as the schedule counts; None: by what is written.
    Launches of one object with the same operands may be joined.
    """

    def __init__(self, address: int, written: tuple[int, ...], work: int | None = None):
        self.address, self.written, self.work = address, written, work
