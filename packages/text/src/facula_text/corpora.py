"""Texts that come in packages."""

from __future__ import annotations

from pathlib import Path

FORTUNES = Path("/usr/share/games/fortunes")


def fortunes(
    folder: str | Path | None = None, names: tuple[str, ...] = ("literature", "fortunes", "riddles")
) -> str:
    """Sayings and quotations of the Debian package `fortunes`, one after another, a blank line between.

    `folder`: where its files are; `names`: which of them. Raises FileNotFoundError that says what to
    install where they are missing.
    """
    base = Path(folder) if folder is not None else FORTUNES
    texts = []
    for name in names:
        path = base / name
        if not path.exists():
            raise FileNotFoundError(
                f"no {path}; on Debian and Ubuntu: sudo apt-get install fortunes-min fortunes"
            )
        sayings = path.read_text(encoding="utf-8", errors="replace").split("\n%\n")
        texts += [s.replace("\t", " ").strip("%\n") for s in sayings]
    return "\n\n".join(t for t in texts if t)
