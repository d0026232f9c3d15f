"""Why a compiler does not take a graph, which is then replayed: noted on the graph, and told where somebody should know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from facula.graph.errors import SettingError, warn_user
from facula.graph.ir import Graph
from facula.graph.runtime import CompilerMissing


class CompileError(NotImplementedError):
    """A graph holds what a compiled program cannot do; it is replayed kernel by kernel instead."""


_Made = TypeVar("_Made")

#: Kinds of trouble that are told once, and have been.
_told: set[type] = set()


def declined(
    graph: Graph, error: Exception, is_default: bool, instead_of: str = "compiled"
) -> None:
    """Notes why, and warns.

    With `is_default`, where nobody asked for the compiler by its name, what a graph holds is worth no warning, and trouble of one
    kind (a compiler that fails, a folder that cannot be written) is told once. That there is no compiler is always told once.
    """
    kind, reason = type(error), str(error)
    if isinstance(error, OSError):
        reason += "; FACULA_CACHE names another folder for compiled programs"
    elif not isinstance(error, RuntimeError):
        reason = f"a mistake in the compiler, please report it: {kind.__name__}: {error}"
    graph.why_replayed = reason
    if is_default and kind is CompileError:
        return
    if is_default or kind is CompilerMissing:
        if kind in _told:
            return
        _told.add(kind)
    warn_user(f"a captured program is replayed kernel by kernel, not {instead_of}: {reason}")


def attempt(make: Callable[[], _Made], graph: Graph, is_default: bool, instead_of: str = "compiled") -> _Made | None:  # fmt: skip
    """What a compiler makes of a graph; None where it is declined, as is a mistake in the compiler if nobody asked for it by its name."""
    try:
        return make()
    except SettingError:
        raise
    except (RuntimeError, OSError) as error:
        declined(graph, error, is_default, instead_of)
    except Exception as error:
        if not is_default:
            raise
        declined(graph, error, is_default, instead_of)
    return None
