"""Constants of the public namespace: layouts, memory formats, and numbers from `math`."""

from __future__ import annotations

import math


class layout:
    """How a tensor lies in memory. Facula's tensors are all `strided`."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"facula.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format:
    """The order of a tensor's dimensions in memory. Accepted wherever PyTorch takes one."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"facula.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

inf, nan, pi, e, tau = math.inf, math.nan, math.pi, math.e, math.tau
newaxis = None

NAMES = {
    name: globals()[name]
    for name in (
        "layout", "memory_format", "strided", "sparse_coo", "sparse_csr", "contiguous_format", "preserve_format",
        "channels_last", "channels_last_3d", "inf", "nan", "pi", "e", "tau", "newaxis",
    )
}  # fmt: skip
