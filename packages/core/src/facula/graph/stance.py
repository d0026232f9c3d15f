"""How compiled functions behave for now: as usual, as plain Python, or without captures."""

from __future__ import annotations

from typing import Any

STANCES = ("default", "force_eager", "eager_on_recompile", "fail_on_recompile")


class _Now:
    stance = "default"


now = _Now()


class set_stance:
    """Sets how compiled functions behave in all threads; as a context manager it is undone at the end.

    'default': captured and replayed; 'force_eager': their Python code runs; 'eager_on_recompile': it runs
    where no program serves; 'fail_on_recompile': a RuntimeError there, with the reason. Raises ValueError for another word.

    >>> with facula.compiler.set_stance("force_eager"):
    ...     facula.compile(lambda x: x * 2)(facula.ones(1)).item()
    2.0
    """

    def __init__(self, stance: str = "default"):
        if stance not in STANCES:
            raise ValueError(f"no stance is named {stance!r}; there are: {', '.join(STANCES)}")
        self.before, now.stance = now.stance, stance

    def __enter__(self) -> None:
        """It is set already."""

    def __exit__(self, *exc: Any) -> None:
        now.stance = self.before
