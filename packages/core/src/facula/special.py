"""`facula.special`: special functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from facula.ops._op import ALIASES, OPS

#: Functions that `facula` itself has too, under the same name or (after the colon) another.
_SHARED = dict(
    (pair.partition(":")[0], pair.rpartition(":")[2])
    for pair in [
        "expit:sigmoid",
        "exp2",
        "expm1",
        "log1p",
        "logit",
        "logsumexp",
        "softmax",
        "log_softmax",
        "round",
        "sinc",
        "gammainc:igamma",
        "gammaincc:igammac",
    ]
)


def __getattr__(name: str) -> Any:
    from facula.functions import namespace_function

    op = OPS.get("special_" + name) or ALIASES.get("special_" + name)
    op = op or OPS.get(_SHARED.get(name, ""))
    if op is None:
        raise AttributeError(f"module 'facula.special' has no attribute {name!r}")
    globals()[name] = function = namespace_function(op)
    return function
