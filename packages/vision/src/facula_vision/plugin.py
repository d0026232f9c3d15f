"""Entry module: makes the package reachable as `facula.vision`, and imports nothing of it."""

from facula.backends import hookimpl


@hookimpl
def domains() -> dict[str, str]:
    return {"vision": "facula_vision"}
