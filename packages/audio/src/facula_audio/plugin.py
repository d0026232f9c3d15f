"""Entry module: makes the package reachable as `facula.audio`, and imports nothing of it."""

from facula.backends import hookimpl


@hookimpl
def domains() -> dict[str, str]:
    return {"audio": "facula_audio"}
