"""Which steps of a program are profiled."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class ProfilerAction(Enum):
    """What a profiler does during a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """A function from the number of a step to what happens in it, for `profile(schedule=...)`.

    After `skip_first` steps, rounds of `wait` steps without, `warmup` steps that are not kept and `active`
    steps that are; `repeat` rounds, or for 0 as many as there are. `skip_first_wait` other than 0 leaves
    out the first round's wait. Raises ValueError for negative numbers and for no active step.
    """
    numbers = {
        "wait": wait,
        "warmup": warmup,
        "active": active,
        "repeat": repeat,
        "skip_first": skip_first,
    }
    for name, n in numbers.items():
        if n < (1 if name == "active" else 0):
            raise ValueError(
                f"schedule: {name}={n}, expected {'at least 1' if name == 'active' else 'no negative number'}"
            )
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"the number of a step is 0 or more, not {step}")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        at = step % length
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action
