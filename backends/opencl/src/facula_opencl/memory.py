"""Memory of a device: pooled blocks, a limit, and errors that give the sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pyopencl as cl
from pyopencl.tools import ImmediateAllocator, MemoryPool

from facula.errors import OutOfMemoryError
from facula_opencl.huge_pages import HUGE, advise

#: The variables that limit the memory used ('2GB', '512MiB') and turn the pool off ('0').
LIMIT, POOL = "FACULA_OPENCL_MEMORY", "FACULA_OPENCL_POOL"
#: Blocks below this many bytes are not held against the limit one by one: asking costs time.
SMALL = 1 << 16
#: From this many bytes on a block of a CPU-type device is asked to lie in huge pages.
LARGE = 2 * HUGE


class Memory:
    """Allocates buffers on one device. A block that nothing refers to any more is used again.

    The queue is in order, so what is launched on a block later starts after all that used it before.
    """

    def __init__(self, queue: Any, name: str, flush: Callable[[], None]):
        self.queue, self.name, self.flush = queue, name, flush
        self.total = int(queue.device.global_mem_size)
        self.limit = parse_size(os.environ.get(LIMIT, "")) or self.total
        self.largest = int(queue.device.max_mem_alloc_size)
        self.is_in_host_memory = bool(queue.device.type & cl.device_type.CPU)
        self.is_pooled = os.environ.get(POOL) != "0"
        self.pool = MemoryPool(ImmediateAllocator(queue))
        self._allocate = self.pool.allocate if self.is_pooled else self._exact

    def alloc(self, nbytes: int) -> Any:
        """A buffer of at least `nbytes`; of just so many without the pool. Raises OutOfMemoryError."""
        if nbytes >= SMALL:
            self._check(nbytes)
            if nbytes >= LARGE and self.is_in_host_memory:
                return self._large(nbytes)
        return self._some(nbytes)

    def _some(self, nbytes: int) -> Any:
        try:
            return self._allocate(nbytes)
        except cl.MemoryError as error:
            raise self.out_of_memory(nbytes) from error

    def _large(self, nbytes: int) -> Any:
        managed = self.pool.managed_bytes
        buffer = self._some(nbytes)
        if self.pool.managed_bytes > managed:  # it is new, not one of before
            advise(self.queue, buffer, nbytes)
        return buffer

    def _exact(self, nbytes: int) -> Any:
        return cl.Buffer(self.queue.context, cl.mem_flags.READ_WRITE, nbytes)

    def _check(self, nbytes: int) -> None:
        if nbytes > self.largest:
            raise self.out_of_memory(nbytes)
        if self.pool.managed_bytes + nbytes > self.limit:
            self.flush()  # launches that wait hold memory
            self.pool.free_held()
            if self.pool.active_bytes + nbytes > self.limit:
                raise self.out_of_memory(nbytes)

    def out_of_memory(self, nbytes: int) -> OutOfMemoryError:
        """The error for a block that could not be had."""
        one = f"; one block may have {self.largest}" if nbytes > self.largest else ""
        limit = f", of which {LIMIT} allows {self.limit}" if self.limit < self.total else ""
        return OutOfMemoryError(
            f"device '{self.name}' is out of memory: {nbytes} bytes were asked for, {self.pool.active_bytes} are in use "
            f"and {self.pool.managed_bytes - self.pool.active_bytes} held for later; the device has {self.total}{limit}{one}. "
            "Free tensors, or make the batch smaller"
        )


def parse_size(text: str) -> int:
    """Bytes of '2GB', '512 MiB' or '1000'; 0 for nothing. Raises ValueError for anything else."""
    if not text.strip():
        return 0
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not match:
        raise ValueError(f"{LIMIT}={text}: a size is a number of bytes, or as '512MiB' or '2GB'")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgt".index(match[2] or " "))
