"""`facula.special`: special functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from facula.ops._op import ALIASES, OPS


def __getattr__(name: str) -> Any:
    from facula.functions import namespace_function

    op = OPS.get("special_" + name) or ALIASES.get("special_" + name)
    if op is None:
        raise AttributeError(f"module 'facula.special' has no attribute {name!r}")
    globals()[name] = function = namespace_function(op)
    return function
