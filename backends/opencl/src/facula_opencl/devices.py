"""Which OpenCL devices there are, in which order, and which of them FACULA_OPENCL_DEVICE picks."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

import pyopencl as cl

from facula_opencl.pocl_processor import name_processor

#: The variable that says which devices are `opencl:0`, `opencl:1`, ...
VARIABLE = "FACULA_OPENCL_DEVICE"


@cache
def devices() -> tuple[Any, ...]:
    """The devices of this process in order: `opencl:0` is the first."""
    found = every_device()
    chosen = choose(os.environ.get(VARIABLE, ""), [describe(d) for d in found])
    return tuple(found[i] for i in chosen)


def count() -> int:
    """How many OpenCL devices this process can use."""
    return len(devices())


def every_device() -> list[Any]:
    """All devices of all platforms: graphics processors first, of the others the newest driver first."""
    found = [d for p in _platforms() for d in _devices_of(p)]
    for device in found:
        name_processor(device)
    return sorted(found, key=_rank)


def _platforms() -> list[Any]:
    try:
        return cl.get_platforms()  # type: ignore[no-any-return]
    except cl.Error:  # the loader found none
        return []


def _devices_of(platform: Any) -> list[Any]:
    try:
        return platform.get_devices()  # type: ignore[no-any-return]
    except cl.Error:  # a driver without its hardware
        return []


def _rank(device: Any) -> tuple[int, list[int]]:
    kinds = (cl.device_type.GPU, cl.device_type.ACCELERATOR, cl.device_type.CPU)
    kind = next((i for i, k in enumerate(kinds) if device.type & k), len(kinds))
    version = [
        -int(n)
        for n in "".join(c if c.isdigit() else " " for c in device.driver_version).split()[:3]
    ]
    return kind, version


def describe(device: Any) -> str:
    """Platform, its version and the device's name: what a choice is compared with."""
    return (
        f"{device.platform.name.strip()}, {device.platform.version.strip()}: {device.name.strip()}"
    )


def choose(wanted: str, names: list[str]) -> list[int]:
    """Positions in `names` that `wanted` picks, in its order; all where it is empty.

    `wanted` is a list with commas of numbers ('1', '0,2'), parts of names ('nvidia', 'pocl 3.1') and
    parts of names with a number among those that match ('pocl:0'). A part that begins with a number
    ('3.0') is a version of the platform's own, not that of OpenCL. Raises RuntimeError for what matches
    nothing, with what there is.
    """
    picked: list[int] = []
    for item in filter(None, (x.strip() for x in wanted.split(","))):
        matching = _matching(item, names)
        if not matching:
            listed = "".join(f"\n  {i}: {name}" for i, name in enumerate(names)) or " none"
            raise RuntimeError(f"{VARIABLE}={wanted}: '{item}' is no device; there are:{listed}")
        picked += [i for i in matching if i not in picked]
    return picked if wanted.strip(" ,") else list(range(len(names)))


def _matching(item: str, names: list[str]) -> list[int]:
    if item.isdigit():
        return [int(item)] if int(item) < len(names) else []
    text, _, number = item.rpartition(":")
    if not (text and number.isdigit()):
        text, number = item, ""
    found = [i for i, name in enumerate(names) if _is_named(name.lower(), text.lower())]
    return found[int(number) :][:1] if number else found


def _is_named(name: str, part: str) -> bool:
    if part[0].isdigit():
        own = re.sub(r"\bopencl \d+\.\d+", "", name)
        return bool(re.search(rf"(?<![\d.]){re.escape(part)}", own))
    return part in name
