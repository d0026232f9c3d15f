"""Switches of the whole library that PyTorch has, and what they mean here."""

from __future__ import annotations

from typing import Any

_settings: dict[str, Any] = {"deterministic": False, "warn_only": False, "matmul": "highest"}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembers the wish. Facula's own kernels are deterministic in any case; a plug-in may read the setting."""
    _settings["deterministic"], _settings["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` set."""
    return bool(_settings["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The `warn_only` that `use_deterministic_algorithms` set."""
    return bool(_settings["warn_only"])


def set_float32_matmul_precision(precision: str) -> None:
    """'highest', 'high' or 'medium'; products of float32 matrices are computed in float32 whatever is set.

    Raises RuntimeError for another word.
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"{precision} is not one of 'highest', 'high', or 'medium' to set_float32_matmul_precision"
        )
    _settings["matmul"] = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` set."""
    return str(_settings["matmul"])


def set_flush_denormal(mode: bool) -> bool:
    """Returns False: denormal numbers stay as they are."""
    return False


def typename(obj: Any) -> str:
    """The name of the type of `obj`; of a tensor as `Tensor.type` gives it."""
    from facula._tensor import Tensor

    return (
        str(obj.type())
        if isinstance(obj, Tensor)
        else f"{type(obj).__module__}.{type(obj).__qualname__}"
    )
