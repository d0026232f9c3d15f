"""Entry module: makes the package reachable as `facula.text`, and imports nothing of it."""

from facula.backends import hookimpl


@hookimpl
def domains() -> dict[str, str]:
    return {"text": "facula_text"}
