"""What `facula.cuda` asks: devices, streams, events and memory, answered by CuPy."""

from __future__ import annotations

from typing import Any

from facula.backends import DeviceRuntime
from facula_cupy.library import device_count, library


class CountedPool:
    """CuPy's memory pool, and the most that was in use at once (CuPy counts only what is)."""

    def __init__(self, cuda: Any):
        self.cuda, self.pool = cuda, cuda.MemoryPool()
        self.peaks: dict[int, list[int]] = {}

    def malloc(self, size: int) -> Any:
        pool = self.pool
        memory = pool.malloc(size)
        index = self.cuda.runtime.getDevice()
        peaks = self.peaks.get(index)
        if peaks is None:
            peaks = self.peaks[index] = [0, 0]
        used, total = pool.used_bytes(), pool.total_bytes()
        if used > peaks[0]:
            peaks[0] = used
        if total > peaks[1]:
            peaks[1] = total
        return memory


class CupyRuntime(DeviceRuntime):
    """CUDA's services through CuPy; one for all GPUs. CuPy's arrays take their memory from its pool."""

    def __init__(self) -> None:
        super().__init__()
        device_count()  # says what is missing
        self.m = library()
        self.cuda = self.m.cuda
        self.pool = CountedPool(self.cuda)
        self.cuda.set_allocator(self.pool.malloc)

    # ---- devices

    def current_device(self) -> int:
        return int(self.cuda.runtime.getDevice())

    def set_device(self, index: int) -> None:
        self.cuda.runtime.setDevice(index)

    def synchronize(self, index: int) -> None:
        from facula.backends import backend_for

        backend_for(f"cuda:{index}").synchronize()

    def properties(self, index: int) -> dict[str, Any]:
        found = self.cuda.runtime.getDeviceProperties(index)
        name = found["name"]
        return {
            "name": name.decode() if isinstance(name, bytes) else name,
            "total_memory": found["totalGlobalMem"],
            "major": found["major"],
            "minor": found["minor"],
            "multi_processor_count": found["multiProcessorCount"],
            "warp_size": found["warpSize"],
            "max_threads_per_multi_processor": found["maxThreadsPerMultiProcessor"],
            "L2_cache_size": found["l2CacheSize"],
        }

    # ---- streams and events: CuPy's own objects have what `StreamHandle` and `EventHandle` ask

    def new_stream(self, index: int, priority: int) -> Any:
        with self.cuda.Device(index):
            return self.cuda.Stream(non_blocking=True, priority=priority)

    def default_stream(self, index: int) -> Any:
        return self.cuda.Stream.null

    def current_stream(self, index: int) -> Any:
        with self.cuda.Device(index):
            return self.cuda.get_current_stream()

    def set_stream(self, index: int, stream: Any) -> None:
        with self.cuda.Device(index):
            stream.use()

    def new_event(self, index: int, timing: bool, blocking: bool) -> Any:
        with self.cuda.Device(index):
            return self.cuda.Event(block=blocking, disable_timing=not timing)

    def elapsed(self, start: Any, end: Any) -> float:
        return float(self.cuda.get_elapsed_time(start, end))

    # ---- memory

    def memory_info(self, index: int) -> tuple[int, int]:
        free, total = self.cuda.Device(index).mem_info
        return int(free), int(total)

    def memory_statistics(self, index: int) -> dict[str, int]:
        with self.cuda.Device(index):
            used, total = self.pool.pool.used_bytes(), self.pool.pool.total_bytes()
        peaks = self.pool.peaks.get(index, [0, 0])
        return {
            "allocated": used, "reserved": total, "peak_allocated": max(peaks[0], used),
            "peak_reserved": max(peaks[1], total),
        }  # fmt: skip

    def reset_peak(self, index: int) -> None:
        with self.cuda.Device(index):
            self.pool.peaks[index] = [self.pool.pool.used_bytes(), self.pool.pool.total_bytes()]

    def release_memory(self, index: int) -> None:
        with self.cuda.Device(index):
            self.pool.pool.free_all_blocks()

    def limit_memory(self, index: int, fraction: float) -> None:
        with self.cuda.Device(index):
            self.pool.pool.set_limit(fraction=fraction)
