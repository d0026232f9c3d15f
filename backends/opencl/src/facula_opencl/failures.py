"""What drivers say when something fails, as errors that say what and where."""

from __future__ import annotations

import re
from typing import Any

import pyopencl as cl

from facula.errors import DeviceError, OutOfMemoryError

_OUT_OF_MEMORY = {
    cl.status_code.OUT_OF_RESOURCES,
    cl.status_code.OUT_OF_HOST_MEMORY,
    cl.status_code.MEM_OBJECT_ALLOCATION_FAILURE,
}


def build_failure(error: str, source: str, device: str) -> str:
    """A message with the compiler's log and the lines of the source that it names."""
    log = re.sub(r"^.*?Build on [^\n]*\n|\n\(options: .*$", "", error, flags=re.DOTALL).strip()
    lines = source.splitlines()
    errors = [line for line in log.splitlines() if "error" in line]
    named = sorted({int(n) for line in errors for n in re.findall(r":(\d+):\d+:", line)})
    quoted = [f"  {n:>5} | {lines[n - 1]}" for n in named[:8] if 0 < n <= len(lines)]
    place = "\n".join(["The lines it names:", *quoted]) if quoted else f"The source:\n{source}"
    return f"a kernel does not build on device '{device}'. The compiler says:\n{log}\n{place}"


def explain(error: Any, what: str, device: str) -> Exception:
    """A driver's error as Facula's."""
    if getattr(error, "code", None) in _OUT_OF_MEMORY or isinstance(error, cl.MemoryError):
        return OutOfMemoryError(f"{what}: device '{device}' is out of memory: {error}")
    if isinstance(error, cl.LogicError):  # wrong arguments: the device is well
        return RuntimeError(f"{what} could not be launched on device '{device}': {error}")
    return DeviceError(f"{what}: device '{device}' failed: {error}. Its tensors may be lost")
