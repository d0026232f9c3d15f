"""The error for tensors on different devices: which op, which arguments, of which shapes, where.

What it takes to say so is worked out only when the error is raised, by looking at the callers' frames.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from facula.ops._op import ALIASES, OPS, Op

#: So many arguments of one device are told; `cat` may have thousands.
_MOST = 3


class MixedDevicesError(RuntimeError):
    """Raised where one operation gets tensors of several devices.

    `tensors` holds (label, tensor) pairs: 'input', 'tensors[2]', "parameter 'weight'".
    """

    def __init__(self, name: str, tensors: list[tuple[str, Any]]):
        self.op_name, self.tensors = name, tensors
        super().__init__(f"{name}: {self.described()}")

    def described(self) -> str:
        """The sentence after the name of the op."""
        places: dict[Any, dict[int, str]] = {}
        for label, t in self.tensors:
            places.setdefault(t.device, {}).setdefault(id(t), f"{label} of shape {tuple(t.shape)}")
        told = "; ".join(f"on {device} {_listed(found)}" for device, found in places.items())
        return (
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{' and '.join(map(str, list(places)[:2]))}: {told}. Move them to one with .to(device)"
        )

    def rename(self, kind: str, members: dict[str, Any]) -> None:
        """Gives those tensors that are parameters or buffers of a module the names they have there."""
        found = {id(m): f"{kind} '{name}'" for name, m in members.items() if m is not None}
        self.tensors = [(found.get(id(t), label), t) for label, t in self.tensors]


def _listed(found: dict[int, str]) -> str:
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(list(found.values())[:_MOST]) + more


def mixed_devices(op: Op, flat: Any) -> MixedDevicesError:
    """The error for an op's inputs, by the names that the function has which the user called."""
    from facula._tensor import Tensor

    calls = list(_calls(sys._getframe(2)))
    name = calls[-1][0] if calls else op.name
    frames = [frame for _, frame in reversed(calls)]
    labels = zip(_labels(op, len(flat)), flat)
    return MixedDevicesError(
        name, [(_label_in(frames, t) or own, t) for own, t in labels if isinstance(t, Tensor)]
    )


def _labels(op: Op, count: int) -> list[str]:
    """The op's own names for its inputs, lists spread out."""
    kinds = {p.name: p.kind for p in op.parameters}
    lists = [n for n in op.inputs if kinds[n] == "list"]
    if len(lists) > 1:
        return [f"tensor {i}" for i in range(count)]
    spread = count - len(op.inputs) + 1
    out = []
    for n in op.inputs:
        out += [f"'{n}[{i}]'" for i in range(spread)] if n in lists else [f"'{n}'"]
    return out


_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_INSIDE = tuple(
    [f"{_PACKAGE}{name}" for name in ("ops" + os.sep, "autograd" + os.sep, "_tensor.py", "functions.py")]
)  # fmt: skip


def _calls(frame: FrameType | None) -> Iterator[tuple[str, FrameType]]:
    """The ops that are being called, from the inside out, up to code that is none of an op's."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith((*_INSIDE, "<facula op")):
            return
        if code.co_name == "write_result":  # of an in-place method, which knows its own name
            yield frame.f_locals["name"], frame
        elif code.co_name in OPS or code.co_name in ALIASES:
            yield code.co_name, frame
        frame = frame.f_back


def _label_in(frames: list[FrameType], tensor: Any) -> str | None:
    """The parameter that holds `tensor` in the outermost of the frames that has it."""
    for frame in frames:
        code, values = frame.f_code, frame.f_locals
        if code.co_name == "write_result":
            continue
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            value = values.get(name)
            if value is tensor:
                return f"'{name}'"
            if isinstance(value, (list, tuple)):
                for i, item in enumerate(value):
                    if item is tensor:
                        return f"'{name}[{i}]'"
    return None
