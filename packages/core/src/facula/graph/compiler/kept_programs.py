"""Programs on disk: what one process made of a graph, another of the user's takes as it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from facula.graph.compiler.artifact import Artifact
from facula.graph.runtime import kept

#: Whether programs are kept, and looked for. Not where a test changes how they are made.
ENABLED = True


def _path(digest: str) -> Path:
    return kept.folder("programs") / f"{digest}.program"


def find(digest: str | None) -> Artifact | None:
    """The program of that digest; None where there is none, or a damaged one. Raises RuntimeError if it is another user's."""
    if digest is None or not ENABLED:
        return None
    data = kept.read(_path(digest))
    try:
        return None if data is None else Artifact.from_bytes(data)
    except ValueError:
        return None


def keep(digest: str | None, artifact: Artifact) -> None:
    """Keeps it for others, where there is room."""
    if digest is not None and ENABLED:
        with suppress(OSError):
            kept.write(_path(digest), artifact.to_bytes())
