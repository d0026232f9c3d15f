"""Anomaly mode: a node made in it remembers where, and in a backward pass in it a NaN in a gradient is an error."""

from __future__ import annotations

import traceback
import warnings
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import Mode, state
from facula.autograd.record import mark


class Anomaly(Mode):
    """Runs each op and writes the calling stack on the nodes it made."""

    check_nan = True

    def run(self, op: Any, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
        result = super().run(op, ins, opts)
        for t in result if isinstance(result, tuple) else (result,):
            if isinstance(t, Tensor) and t._node is not None:
                node = getattr(t._node, "node", t._node)
                node.traceback = _user_stack()
                mark(node)
        return result


def _user_stack() -> str:
    frames = traceback.extract_stack()[:-3]
    frames = [
        f
        for f in frames
        if "facula/autograd" not in f.filename and not f.filename.startswith("<facula op")
    ]
    return "".join(traceback.format_list(frames[-8:]))


def active() -> Anomaly | None:
    mode = state.mode
    while isinstance(mode, Mode):
        if isinstance(mode, Anomaly):
            return mode
        mode = mode.below
    return None


def is_anomaly_enabled() -> bool:
    return active() is not None


def refuses_nan() -> bool:
    """Whether a backward pass of this thread must raise for a NaN."""
    mode = active()
    return mode is not None and mode.check_nan


class set_detect_anomaly:
    """Turns anomaly mode of this thread on or off; as a context manager, until its end.

    `backward` in it raises RuntimeError where a gradient becomes NaN, naming the op, and the line that called it
    if the forward pass was in anomaly mode too. It makes every op slower.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = active()
        _switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        _switch(self.before is not None, True)


class detect_anomaly(set_detect_anomaly):
    """Anomaly mode within a `with` block."""

    def __init__(self, check_nan: bool = True):
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.",
            stacklevel=2,
        )
        super().__init__(True, check_nan)


def _switch(on: bool, check_nan: bool) -> None:
    found = active()
    if on and found is None:
        mode = Anomaly()
        mode.check_nan = check_nan
        mode.push()
    elif not on and found is not None:
        if state.mode is found:
            found.pop()
        else:
            above = state.mode
            while above.below is not found:
                above = above.below
            above.below = found.below
