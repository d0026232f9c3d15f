"""`facula.device`: the name of a device, such as 'cpu' or 'cuda:0'."""

from __future__ import annotations

import re
from typing import Any


class device:
    """A device's type and index, as `torch.device`.

    `device('cuda:1')`, `device('cuda', 1)`. As a context manager it makes new tensors go there.
    Raises RuntimeError for a string that is no device name. Naming a device does not load it.
    """

    __slots__ = ("type", "index", "_before")

    def __new__(cls, type: Any = None, index: int | None = None) -> device:
        if isinstance(type, device):
            return type
        self = object.__new__(cls)
        if not isinstance(type, str):
            raise TypeError(
                f"a device is named by a string such as 'cpu' or 'cuda:0', got {type!r}"
            )
        match = re.fullmatch(r"([a-z_][a-z0-9_]*)(?::(\d+))?", type)
        if not match or (match[2] is not None and index is not None):
            raise RuntimeError(
                f"Invalid device string: '{type}'; a device is 'TYPE' or 'TYPE:INDEX', as in 'cuda:0'"
            )
        self.type = match[1]
        self.index = int(match[2]) if match[2] is not None else index
        return self

    type: str
    index: int | None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}'"
            + ("" if self.index is None else f", index={self.index}")
            + ")"
        )

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return (device, (str(self),))

    def __enter__(self) -> device:
        from facula.backends.registry import swap_default_device

        self._before = swap_default_device(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        from facula.backends.registry import swap_default_device

        swap_default_device(self._before)
