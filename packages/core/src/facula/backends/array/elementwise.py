"""Elementwise kernels."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    same = "exp log sqrt tanh sign maximum minimum".split()
    return {name: getattr(m, name) for name in same} | {
        "add": m.add, "sub": m.subtract, "mul": m.multiply, "div": m.true_divide, "neg": m.negative, "abs": m.absolute,
        "eq": m.equal, "ne": m.not_equal, "lt": m.less, "le": m.less_equal, "gt": m.greater, "ge": m.greater_equal,
        "select_where": m.where, "conj": lambda input: m.conjugate(input) if input.dtype.kind == "c" else input,
    }  # fmt: skip
