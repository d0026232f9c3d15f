"""A compiled program as data: what running it takes, and what is kept of it on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from facula.dtypes import FROM_NUMPY, named

_HEAD = b"facula program\n"
_LENGTH = 8  # bytes that say how long the JSON is


class Input(NamedTuple):
    """A row-major array that the program is given."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Output(NamedTuple):
    """A result: the slot of its memory, and whether that is an input's, written in place."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slot: int
    is_update: bool


class Constant(NamedTuple):
    """Bytes that are the same at each run, and their slot."""

    slot: int
    data: bytes


class Request(NamedTuple):
    """A plan as `plan_again` makes it, and how many bytes it works in."""

    words: tuple[Any, ...]
    workspace: int


@dataclass(frozen=True)
class Artifact:
    """All that running a program takes. Memories are known by slots: inputs first; all temporaries lie at the last, `arena`.

    `options` is how many random keys it reads; the C text `source` ends with `program`, which
    `threads` threads run at once, and which `is_short` where giving away the interpreter lock would cost more.
    """

    source: str
    threads: int
    is_short: bool
    options: int
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    constants: tuple[Constant, ...]
    plans: tuple[Request, ...]
    arena: int
    arena_bytes: int

    def to_bytes(self) -> bytes:
        """Its text as JSON, the constants' bytes behind."""
        told = dict(vars(self))
        told["inputs"] = [(shape, FROM_NUMPY[dtype].name) for shape, dtype in self.inputs]
        told["outputs"] = [
            (shape, FROM_NUMPY[dtype].name, *more) for shape, dtype, *more in self.outputs
        ]
        told["constants"] = [(slot, len(data)) for slot, data in self.constants]
        text = json.dumps(told).encode()
        length = len(text).to_bytes(_LENGTH, "little")
        return b"".join([_HEAD, length, text, *(data for _, data in self.constants)])

    @classmethod
    def from_bytes(cls, data: bytes) -> Artifact:
        """What `to_bytes` gave. Raises ValueError for anything else."""
        start = len(_HEAD) + _LENGTH
        end = start + int.from_bytes(data[len(_HEAD) : start], "little")
        if not data.startswith(_HEAD) or end > len(data):
            raise ValueError("these bytes are no program")
        try:
            told = _tupled(json.loads(data[start:end]))
            told["inputs"] = tuple(Input(shape, named(x).dtype) for shape, x in told["inputs"])
            told["outputs"] = tuple(
                Output(shape, named(x).dtype, *more) for shape, x, *more in told["outputs"]
            )
            told["constants"] = tuple(_constants(told["constants"], data, end))
            told["plans"] = tuple(Request(*x) for x in told["plans"])
            return cls(**told)
        except (KeyError, TypeError) as error:
            raise ValueError(f"these bytes are no program: {error!r}") from None


def _constants(told: Sequence[tuple[int, int]], data: bytes, start: int) -> list[Constant]:
    found = []
    for slot, size in told:
        found.append(Constant(slot, data[start : start + size]))
        start += size
    if start != len(data):
        raise ValueError("the constants of a program have another size than it says")
    return found


def _tupled(a: Any) -> Any:
    if isinstance(a, dict):
        return {k: _tupled(x) for k, x in a.items()}
    return tuple(map(_tupled, a)) if isinstance(a, list) else a
