"""What `facula.compile` does, told on stderr: `set_logs`, or FACULA_LOGS=recompiles,graph in the environment."""

from __future__ import annotations

import logging
import os

#: What can be told, and about what.
ARTIFACTS = {
    "recompiles": "why a compiled function is captured anew",
    "graph": "the graph of each capture, after the passes",
    "graph_before": "the graph of each capture, before the passes",
    "output_code": "the C text of each program",
}


def artifact(name: str) -> logging.Logger:
    """The logger `facula.NAME` of one of `ARTIFACTS`; messages have level DEBUG."""
    return logging.getLogger(f"facula.{name}")


def set_logs(
    *,
    recompiles: bool = False,
    graph: bool = False,
    graph_before: bool = False,
    output_code: bool = False,
) -> None:
    """Says what is told on stderr from now on; what isn't named is silent.

    >>> facula._logging.set_logs(recompiles=True)
    """
    wanted = {
        "recompiles": recompiles,
        "graph": graph,
        "graph_before": graph_before,
        "output_code": output_code,
    }
    for name, is_wanted in wanted.items():
        _tell(artifact(name), is_wanted)


def _tell(logger: logging.Logger, is_wanted: bool) -> None:
    logger.handlers.clear()  # one from before may hold another stderr
    if is_wanted:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("[%(name)s] %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if is_wanted else logging.NOTSET)
    logger.propagate = not is_wanted


def _read_environment() -> None:
    names = [n.strip().lstrip("+") for n in os.environ.get("FACULA_LOGS", "").split(",")]
    wanted = [n for n in names if n]
    unknown = sorted(set(wanted) - ARTIFACTS.keys())
    if unknown:
        raise ValueError(
            f"FACULA_LOGS names {', '.join(unknown)}; there are: "
            + ", ".join(f"{name} ({what})" for name, what in ARTIFACTS.items())
        )
    if wanted:
        set_logs(**dict.fromkeys(wanted, True))


_read_environment()
