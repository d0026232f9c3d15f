"""Memory of CUDA devices, in bytes. Without a device nothing is allocated, and the counts are 0."""

from __future__ import annotations

from typing import Any

from facula.cuda.devices import index_of, is_available, runtime

__all__ = [
    "empty_cache", "max_memory_allocated", "max_memory_reserved", "mem_get_info", "memory_allocated",
    "memory_reserved", "memory_stats", "memory_summary", "reset_max_memory_allocated", "reset_peak_memory_stats",
    "set_per_process_memory_fraction",
]  # fmt: skip


def _statistic(name: str, device: Any) -> int:
    if not is_available():
        return 0
    index = index_of(device)
    return int(runtime().memory_statistics(index)[name])


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors of a device (the current one) occupy."""
    return _statistic("allocated", device)


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that tensors occupied since the start or `reset_peak_memory_stats`."""
    return _statistic("peak_allocated", device)


def memory_reserved(device: Any = None) -> int:
    """Bytes that the memory pool holds, in use or not."""
    return _statistic("reserved", device)


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that the memory pool held since the start or `reset_peak_memory_stats`."""
    return _statistic("peak_reserved", device)


def memory_stats(device: Any = None) -> dict[str, int]:
    """The counts under PyTorch's names: `allocated_bytes.all.current`, `.peak`, `reserved_bytes.all...`."""
    if not is_available():
        return {}
    index = index_of(device)
    found = runtime().memory_statistics(index)
    return {
        "allocated_bytes.all.current": found["allocated"],
        "allocated_bytes.all.peak": found["peak_allocated"],
        "reserved_bytes.all.current": found["reserved"],
        "reserved_bytes.all.peak": found["peak_reserved"],
    }


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The counts as a small table, in MiB."""
    index = index_of(device)
    found = runtime().memory_statistics(index)
    lines = [f"Memory of cuda:{index}, MiB{'now':>12}{'peak':>10}"]
    for name in ("allocated", "reserved"):
        now, peak = found[name] / 2**20, found[f"peak_{name}"] / 2**20
        lines.append(f"{name:<21}{now:>12.1f}{peak:>10.1f}")
    return "\n".join(lines)


def reset_peak_memory_stats(device: Any = None) -> None:
    """Makes the peaks what is in use now."""
    if is_available():
        index = index_of(device)
        runtime().reset_peak(index)


reset_max_memory_allocated = reset_peak_memory_stats


def empty_cache() -> None:
    """Gives memory that the pools hold unused back to the driver, on all devices."""
    from facula.cuda.devices import device_count

    for index in range(device_count()):
        runtime().release_memory(index)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(free, total) bytes of a device (the current one), other programs included."""
    index = index_of(device)
    return runtime().memory_info(index)


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Makes allocations beyond `fraction` (0 to 1) of a device's memory raise OutOfMemoryError."""
    if not isinstance(fraction, float):
        raise TypeError(f"Invalid type for fraction argument, must be `float`: {fraction!r}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    index = index_of(device)
    runtime().limit_memory(index, fraction)
