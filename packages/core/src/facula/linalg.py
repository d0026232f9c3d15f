"""`facula.linalg`: matrix products, norms, decompositions, solvers, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from facula.ops._op import ALIASES, OPS
from facula.ops.matrices import LinAlgError

__all__ = ["LinAlgError"]


def __getattr__(name: str) -> Any:
    from facula.functions import namespace_function

    op = OPS.get("linalg_" + name) or ALIASES.get("linalg_" + name)
    if op is None:
        raise AttributeError(f"module 'facula.linalg' has no attribute {name!r}")
    globals()[name] = function = namespace_function(op)
    return function
