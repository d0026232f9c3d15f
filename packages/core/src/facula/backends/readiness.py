"""What a device runs by itself, as a table: `facula.backends.report(device)`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facula.backends.registry import backend_for
from facula.dtypes import ALL
from facula.ops._op import OPS, Op


@dataclass
class Readiness:
    """Names of ops by how a device runs them, and the dtypes that it stores.

    `leaves`: required ones that it has; `missing`: required ones that it lacks, which run on the host;
    `own`: kernels beyond the leaves; `host`: optional ones (svd, fft) that it lacks; `bodies`: composed
    from the others; `provided`: kernels that other packages add, by package.
    """

    device: str
    leaves: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    provided: dict[str, list[str]] = field(default_factory=dict)
    dtypes: list[str] = field(default_factory=list)
    host_calls: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [
            ("leaves (required) it has", self.leaves, False),
            ("leaves it lacks: they run on the host", self.missing, True),
            ("own kernels beyond the leaves", self.own, True),
            ("host ops (optional) that run on the host", self.host, True),
            ("ops composed from the others", self.bodies, False),
            *((f"kernels added by {name}", ops, True) for name, ops in self.provided.items()),
            ("dtypes", self.dtypes, True),
            (
                "calls on the host so far",
                [f"{k} x{n}" for k, n in sorted(self.host_calls.items())],
                True,
            ),
        ]
        lines = [f"device '{self.device}'"]
        for title, names, spelled in rows:
            lines.append(f"  {title:<42}{len(names):>4}")
            lines += _wrapped(names) if spelled else []
        return "\n".join(lines)


def _wrapped(names: list[str]) -> list[str]:
    import textwrap

    return textwrap.wrap(", ".join(names), 94, initial_indent=" " * 6, subsequent_indent=" " * 6)


def readiness(device: Any) -> Readiness:
    """How `device` runs each op that is known. Raises RuntimeError where there is no such device."""
    backend = backend_for(device)
    out = Readiness(
        str(backend.device), dtypes=_dtypes(backend), host_calls=dict(backend.host_calls)
    )
    for op in sorted(OPS.values(), key=lambda o: o.name):
        _sort_in(out, op, backend)
        for provider in backend.providers:
            if backend.adds(provider, op):
                out.provided.setdefault(provider.__name__, []).append(op.name)
    return out


def _sort_in(out: Readiness, op: Op, backend: Any) -> None:
    has_kernel = backend.kernel(op) is not None
    if op.host:
        names = out.own if has_kernel else out.host
    elif op.leaf:
        names = out.leaves if has_kernel else out.missing
    else:
        names = out.own if has_kernel else out.bodies
    names.append(op.name)


def _dtypes(backend: Any) -> list[str]:
    """Those of which the device can make an array and copy it."""
    out = []
    for d in ALL:
        try:
            backend.copy(backend.full((2,), 1, d.dtype))
        except Exception:  # however a device says no
            continue
        out.append(d.name)
    return out
