"""`cupy.cuda` of the stand-in: two devices that run everything at once, memory that is counted."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import threading
import time
from types import SimpleNamespace

import numpy as np

DEVICES = 2
TOTAL = 1 << 34
_state = threading.local()
_pointers = itertools.count(0x1000, 0x10)


def current() -> int:
    return getattr(_state, "device", 0)


class Device:
    def __init__(self, device=None):
        self.id = current() if device is None else int(device)
        if not 0 <= self.id < DEVICES:
            raise runtime.CUDARuntimeError(101)

    def use(self):
        _state.device = self.id

    def synchronize(self):
        pass

    def __enter__(self):
        stack = _state.__dict__.setdefault("stack", [])
        stack.append(current())
        _state.device = self.id
        return self

    def __exit__(self, *exc):
        _state.device = _state.stack.pop()

    @property
    def mem_info(self):
        return TOTAL - _default_pool(self.id).total_bytes(), TOTAL


# ---- memory


class OutOfMemoryError(MemoryError):
    pass


memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)


class MemoryPointer:
    def __init__(self, mem, ptr):
        self.mem, self.ptr = mem, ptr

    def __add__(self, offset):
        return MemoryPointer(self.mem, self.ptr + offset)

    def array(self, shape, dtype, strides):
        """An array from here on; one beyond the memory is an error here, and none in CUDA."""
        held = self.mem.whole
        probe = np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, strides)
        low, high = np.lib.array_utils.byte_bounds(probe)
        start = probe.ctypes.data
        if probe.size:
            first, last = self.ptr + low - start, self.ptr + high - start
            assert held.ctypes.data <= first and last <= held.ctypes.data + held.nbytes, (
                "beyond the memory"
            )
        memory = (ctypes.c_char * max(held.nbytes - (self.ptr - held.ctypes.data), 0)).from_address(
            self.ptr
        )
        out = np.ndarray(
            shape, dtype, np.frombuffer(memory, np.uint8) if probe.size else None, 0, strides
        )
        return out


class Memory:
    """What the array that was allocated first lies in; views of it hold it, too."""

    def __init__(self, pool, size):
        self.pool, self.size, self.device, self.whole = pool, size, current(), None

    @property
    def ptr(self):
        return self.whole.ctypes.data

    def __del__(self):
        self.pool._used -= self.size


class MemoryPool:
    """Counts per device what arrays hold, rounded up as CuPy rounds; memory once got is kept."""

    def __init__(self, allocator=None):
        self.pools = {i: _DevicePool() for i in range(DEVICES)}

    def malloc(self, size):
        return self.pools[current()].malloc(size)

    def __getattr__(self, name):
        return getattr(self.pools[current()], name)


class _DevicePool:
    def __init__(self):
        self._used = self._total = self._limit = 0

    def malloc(self, size):
        size = -(-int(size) // 512) * 512
        if self._limit and self._used + size > self._limit:
            raise OutOfMemoryError(
                f"Out of memory allocating {size} bytes (allocated so far: {self._used} bytes, limit set to: {self._limit} bytes)."
            )
        self._used += size
        self._total = max(self._total, self._used)
        return MemoryPointer(Memory(self, size), next(_pointers))

    def used_bytes(self):
        return self._used

    def total_bytes(self):
        return self._total

    def free_all_blocks(self, stream=None):
        self._total = self._used

    def set_limit(self, size=None, fraction=None):
        self._limit = int(fraction * TOTAL) if size is None else size

    def get_limit(self):
        return self._limit


_pool = MemoryPool()
_allocator = _pool.malloc


def _default_pool(index):
    pool = getattr(_allocator, "__self__", _pool)
    return getattr(pool, "pool", pool).pools[index]


def set_allocator(allocator=None):
    global _allocator
    _allocator = allocator


def charge(array):
    """The memory of a new array, taken from the allocator; the bytes are NumPy's."""
    memory = _allocator(array.nbytes).mem
    memory.whole = array
    while isinstance(memory.whole.base, np.ndarray):
        memory.whole = memory.whole.base
    return memory


def alloc_pinned_memory(size):
    return type("PinnedMemoryPointer", (ctypes.c_char * max(int(size), 1),), {})()


# ---- streams and events


class Stream:
    null = None

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
        self.ptr = 0 if null else next(_pointers)
        self.device_id = -1 if null else current()
        self.non_blocking, self.priority = non_blocking, priority

    @property
    def done(self):
        return True

    def synchronize(self):
        pass

    def wait_event(self, event):
        assert isinstance(event, Event)

    def record(self, event=None):
        event = Event() if event is None else event
        event.record(self)
        return event

    def use(self):
        if self.device_id not in (-1, current()):
            raise RuntimeError("the stream belongs to another device than the current one")
        _state.__dict__.setdefault("streams", {})[current()] = self
        return self


Stream.null = Stream(null=True)


def get_current_stream(device_id=-1):
    index = current() if device_id == -1 else device_id
    return _state.__dict__.get("streams", {}).get(index, Stream.null)


class Event:
    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.disable_timing, self.time, self.ptr = disable_timing, None, next(_pointers)
        self.device = current()

    @property
    def done(self):
        return True

    def record(self, stream=None):
        assert self.device == current(), "an event is recorded on the device that it was made on"
        self.time = time.perf_counter()

    def synchronize(self):
        pass


def get_elapsed_time(start, end):
    assert not (start.disable_timing or end.disable_timing)
    return (end.time - start.time) * 1e3


class CUDARuntimeError(RuntimeError):
    def __init__(self, status):
        super().__init__(f"cudaError {status}")
        self.status = status


def _properties(index):
    return {
        "name": b"a stand-in on the host", "totalGlobalMem": TOTAL, "major": 9, "minor": 0, "multiProcessorCount": 2,
        "warpSize": 32, "maxThreadsPerMultiProcessor": 1024, "l2CacheSize": 1 << 20,
    }  # fmt: skip


def _set_device(index):
    Device(index).use()


def _memcpy_peer(target, target_device, source, source_device, nbytes, stream=0):
    ctypes.memmove(target, source, nbytes)


def _copy_async(target, source, nbytes, kind, stream=0):
    ctypes.memmove(target, source, nbytes)


runtime = SimpleNamespace(
    getDeviceCount=lambda: DEVICES, getDevice=current, setDevice=_set_device, getDeviceProperties=_properties,
    CUDARuntimeError=CUDARuntimeError, memcpyPeerAsync=_memcpy_peer, memcpyAsync=_copy_async, memcpyHostToDevice=1,
    memcpyDeviceToHost=2, driverGetVersion=lambda: 13000,
)  # fmt: skip


def is_available():
    return True


@contextlib.contextmanager
def using_allocator(allocator=None):
    global _allocator
    before, _allocator = _allocator, allocator
    yield
    _allocator = before
