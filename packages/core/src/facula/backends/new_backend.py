"""`facula new-backend NAME`: writes a complete plug-in package, made of the files in `templates/`."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
from pathlib import Path

from facula.backends.discovery import plugins
from facula.backends.registry import INSTALL

TEMPLATES = Path(__file__).with_name("templates")
STYLES = ("raw", "array")
#: What the templates are named after.
PLACEHOLDER = "mydevice"


def new_backend(name: str, style: str = "raw", output: str | Path = ".") -> Path:
    """Writes the package `facula-NAME` into the folder `output`, and returns its path.

    `style` is 'raw' (memory and kernels) or 'array' (an array library). Raises ValueError for a name that
    no device can have or that is taken, FileExistsError where the folder is there already, and
    OSError where it cannot be written; nothing is left behind then.
    """
    check_name(name)
    if style not in STYLES:
        raise ValueError(f"there is no style {style!r}; there are: {', '.join(STYLES)}")
    target = Path(output) / f"facula-{name.replace('_', '-')}"
    if target.exists():
        raise FileExistsError(f"'{target}' exists already; remove it, or name another --output")
    target.mkdir(parents=True)
    try:
        for source in sorted((TEMPLATES / style).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                _write(
                    source,
                    target / _renamed(str(source.relative_to(TEMPLATES / style)), name),
                    name,
                )
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def check_name(name: str) -> None:
    """Raises ValueError unless a new type of device can have this name."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} cannot name a device: expected small letters, digits and '_', beginning with a letter, and no keyword of Python, "
            f"as in 'acorn'"
        )
    found = plugins()
    if name in INSTALL and name not in found.devices:
        raise ValueError(f"'{name}' is a device of Facula's own: {INSTALL[name]}")
    if name in found.devices:
        raise ValueError(f"device type '{name}' is already provided by {found.sources[name]}")
    if importlib.util.find_spec(f"facula_{name}") is not None:
        raise ValueError(f"a package 'facula_{name}' is already installed; choose another name")


def _write(source: Path, target: Path, name: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    """A template's text (or path) for `name`; the distribution has dashes for underscores."""
    text = text.replace(f"facula-{PLACEHOLDER}", f"facula-{name.replace('_', '-')}")
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace(PLACEHOLDER.capitalize(), camel).replace(PLACEHOLDER, name)
