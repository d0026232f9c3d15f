"""Sizes given as one number or as one per dimension."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def to_tuple(value: Any, n: int) -> tuple[Any, ...]:
    """`value` as a tuple: itself if it is a sequence, else `n` times."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * n
