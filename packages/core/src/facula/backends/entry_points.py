"""The entry points of a group, read from the metadata that pip leaves in each directory of `sys.path`.

`importlib.metadata` finds the same, but importing it (with email, zipfile, csv and socket) takes longer
than all of Facula's other start-up; it is asked only for paths that are no directories, such as zip files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple


class EntryPoint(NamedTuple):
    """`name = value` in a group, and the distribution that has it, as 'name version'."""

    name: str
    value: str
    source: str


def entry_points(group: str) -> list[EntryPoint]:
    """All of a group, sorted; of a distribution that is installed twice, the first on `sys.path`."""
    found: dict[str, list[EntryPoint]] = {}
    for path in dict.fromkeys(p or os.curdir for p in sys.path):
        if os.path.isdir(path):
            here = _in_directory(path, group)
        else:
            here = _in_archive(path, group) if os.path.isfile(path) else iter(())
        for name, points in here:
            found.setdefault(_normal(name), points)
    return sorted(e for points in found.values() for e in points)


def _in_directory(path: str, group: str) -> Iterator[tuple[str, list[EntryPoint]]]:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        if not name.endswith((".dist-info", ".egg-info")):
            continue
        folder = os.path.join(path, name)
        points = list(_section(_read(folder, "entry_points.txt"), group))
        source = _source(_read(folder, "METADATA") or _read(folder, "PKG-INFO")) if points else ""
        # A distribution without such entry points still hides one of its name further on.
        yield name.partition("-")[0], [EntryPoint(*point, source) for point in points]


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _source(metadata: str) -> str:
    head = metadata.partition("\n\n")[0].splitlines()
    fields = dict(line.split(": ", 1) for line in head if line.startswith(("Name: ", "Version: ")))
    return f"{fields.get('Name', '?')} {fields.get('Version', '?')}"


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    """(name, value) of the lines under `[group]`."""
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()


def _in_archive(path: str, group: str) -> Iterator[tuple[str, list[EntryPoint]]]:
    from importlib.metadata import distributions

    for d in distributions(path=[path]):
        source = f"{d.metadata['Name']} {d.version}"
        points = [EntryPoint(e.name, e.value, source) for e in d.entry_points if e.group == group]
        yield d.metadata["Name"], points


def _normal(name: str) -> str:
    """The name of a distribution in the one spelling that all its spellings share."""
    return name.replace("-", "_").replace(".", "_").lower()
