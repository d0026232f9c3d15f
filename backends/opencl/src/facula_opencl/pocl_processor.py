"""PoCL on processors that are newer than its LLVM, which it then calls 'generic' and cannot compile for.

The PoCL of the wheel has LLVM 14. What it takes for the processor's name is one string in the structure
behind the device's handle. It is found there by its value, read through the system so that no wrong
address can hurt, and replaced by a processor that LLVM knows and this one can stand for.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

#: x86 processors of LLVM 14, best first, and the flags of /proc/cpuinfo that each needs.
PROCESSORS = {
    "skylake-avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma", "bmi2", "adx"},
    "haswell": {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"},
    "sandybridge": {"avx", "sse4_2", "popcnt", "pclmulqdq"},
    "nehalem": {"sse4_2", "popcnt"},
    "x86-64": set(),
}  # fmt: skip
#: How much of PoCL's structure is searched, in bytes.
SEARCHED = 2048


def name_processor(device: Any) -> None:
    """Names the processor for a PoCL device that does not know it; does nothing to any other."""
    if device.platform.name != "Portable Computing Language" or not Path("/proc/self/mem").exists():
        return
    flags = _flags()
    if "sse2" not in flags:  # not an x86
        return
    at = _find(device.int_ptr, b"generic")
    if at is not None:
        known = next(name for name, needs in PROCESSORS.items() if needs <= flags)
        ctypes.c_void_p.from_address(at).value = _kept_string(known)


def _flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((x.partition(":")[2] for x in lines if x.startswith("flags")), "").split())


def _find(start: int, text: bytes) -> int | None:
    """The address after `start` of a pointer to `text`."""
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    try:
        words = memoryview(_read(memory, start, SEARCHED)).cast("Q")
        places = (i for i, w in enumerate(words) if _read(memory, w, len(text) + 1) == text + b"\0")
        at = next(places, None)
        return None if at is None else start + 8 * at
    finally:
        os.close(memory)


def _read(memory: int, address: int, size: int) -> bytes:
    """`size` bytes of this process at `address`, or none where nothing is there."""
    if not 4096 <= address < 1 << 47:
        return b""
    try:
        return os.pread(memory, size, address)
    except OSError:
        return b""


def _kept_string(text: str) -> int | None:
    """A copy of `text` as C keeps strings; PoCL may free it."""
    duplicate = ctypes.CDLL(None).strdup
    duplicate.restype = ctypes.c_void_p
    return duplicate(text.encode())  # type: ignore[no-any-return]
