"""How a tensor prints: PyTorch's text, character for character.

`_write` walks a NumPy array of the values; a `Column` decides once per tensor how wide numbers are
and whether they are whole, fixed-point or scientific.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facula.dtypes import HALF, bool_, get_default_dtype, int64


@dataclass
class Options:
    """What `set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors print: digits, from how many elements on they are summarised, and so on.

    `profile` is 'default', 'short' or 'full'; `sci_mode` None lets the values decide.
    """
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"profile must be one of {list(_PROFILES)}, got {profile!r}")
    for name, value in (_PROFILES[profile] if profile else {}).items():
        setattr(options, name, value)
    for name, value in given.items():
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options as a dict that `set_printoptions` takes."""
    return asdict(options)


@contextmanager
def printoptions(**changes: Any) -> Iterator[None]:
    """Sets print options, and restores them at the end."""
    before = get_printoptions()
    set_printoptions(**changes)
    try:
        yield
    finally:
        set_printoptions(**before)


class Column:
    """The common format of a tensor's numbers."""

    def __init__(self, values: Any):
        self.is_floating = values.dtype.kind == "f"
        self.is_whole, self.is_scientific, self.width = True, False, 1
        if not self.is_floating:
            self.width = max((len(str(v)) for v in values.ravel().tolist()), default=1)
            return
        values = values[np.isfinite(values) & (values != 0)]
        if not values.size:
            return
        sizes = np.abs(values.astype(np.float64))
        low, high = float(sizes.min()), float(sizes.max())
        self.is_whole = bool((values == np.ceil(values)).all())
        self.is_scientific = (
            high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
            if options.sci_mode is None
            else options.sci_mode
        )
        self.width = max(1, max(len(self._number(v)) for v in values.tolist()))

    def _number(self, value: Any) -> str:
        if not self.is_floating:
            return str(value)
        if self.is_scientific:
            return f"{value:.{options.precision}e}"
        if self.is_whole:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self._number(value).rjust(self.width)


class ComplexColumn:
    """Real and imaginary parts, each with a column of its own."""

    def __init__(self, values: Any):
        self.real, self.imaginary = Column(values.real), Column(values.imag)
        self.width = self.real.width + self.imaginary.width + 1

    def __call__(self, value: complex) -> str:
        imaginary = (self.imaginary(value.imag) + "j").lstrip()
        return self.real(value.real) + ("" if imaginary[0] in "+-" else "+") + imaginary


def _shown(values: Any) -> Any:
    """The values that a summary shows, of which alone the column takes its width."""
    for axis in range(values.ndim):
        if values.shape[axis] > 2 * options.edgeitems:
            n = options.edgeitems
            at = (slice(None),) * axis
            values = np.concatenate(
                (values[(*at, slice(0, n))], values[(*at, slice(values.shape[axis] - n, None))]),
                axis,
            )
    return values


def _write(values: Any, indent: int, is_summary: bool, column: Any) -> str:
    if values.ndim == 0:
        return column(values.item())  # type: ignore[no-any-return]
    if values.ndim == 1:
        return _write_row(values, indent, is_summary, column)
    n, edge = len(values), options.edgeitems
    is_cut = is_summary and n > 2 * edge
    rows = [*range(edge), *range(n - edge, n)] if is_cut else range(n)
    parts = [_write(values[i], indent + 1, is_summary, column) for i in rows]
    if is_cut:
        parts.insert(edge, "...")
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"  # type: ignore[no-any-return]


def _write_row(values: Any, indent: int, is_summary: bool, column: Any) -> str:
    edge = options.edgeitems
    if is_summary and not edge:
        items = ["..."]
    elif is_summary and len(values) > 2 * edge:
        items = [
            *map(column, values[:edge].tolist()),
            " ...",
            *map(column, values[-edge:].tolist()),
        ]
    else:
        items = [column(v) for v in values.tolist()]
    per_line = max(1, (options.linewidth - indent) // (column.width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _values_text(values: Any, indent: int) -> str:
    is_summary = values.size > options.threshold
    shown = _shown(values) if is_summary else values
    column = ComplexColumn(shown) if values.dtype.kind == "c" else Column(shown)
    return _write(values, indent, is_summary, column)


def tensor_repr(t: Any) -> str:
    """The text of a tensor: its values, and what is not as usual about it."""
    from facula._tensor import Parameter, Tensor

    is_plain = type(t) in (Tensor, Parameter)
    prefix = "tensor(" if is_plain else f"{type(t).__name__}("
    suffixes = [f"device='{t.device}'"] if not t.is_cpu else []
    size, kind = f"size={tuple(t.shape)}", f"dtype={t.dtype}"
    is_empty = t.numel() == 0
    default = get_default_dtype()
    if t.is_meta or is_empty:
        suffixes += [size] if t.is_meta or t.ndim != 1 else []
        suffixes += [kind] if t.dtype is not default else []
        text = "..." if t.is_meta else "[]"
    else:
        suffixes += [] if options.edgeitems else [size]
        suffixes += [] if t.dtype in (default, default.to_complex(), int64, bool_) else [kind]
        text = _values_text(_values(t), len(prefix))
    suffixes += _tape_suffix(t)
    out = _join(prefix + text, suffixes, len(prefix))
    return out if is_plain or not isinstance(t, Parameter) else f"Parameter({out})"


def _values(t: Any) -> Any:
    from facula._tensor import _touch

    _touch(t)  # within a capture no values are known, those of an argument neither
    values = t._backend.to_numpy(t._array)
    return values.astype(np.float32) if values.dtype in HALF else values


def _tape_suffix(t: Any) -> list[str]:
    node = t.grad_fn
    if node is not None:
        return [f"grad_fn=<{grad_fn_name(node)}>"]
    return ["requires_grad=True"] if t.requires_grad else []


def grad_fn_name(node: Any) -> str:
    """'MulBackward0' for a node of `mul`, after PyTorch's names."""
    return "".join(part.capitalize() for part in node.op.name.split("_")) + "Backward0"


def _join(text: str, suffixes: list[str], indent: int) -> str:
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            used = indent + len(suffix)
        else:
            text += ", " + suffix
            used += len(suffix) + 2
    return text + ")"
