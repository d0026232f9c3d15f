"""What programs ask about CUDA devices, as `torch.cuda`.

The answers come from whatever plug-in provides the device type 'cuda' (`facula-cupy`: pip install
facula[cuda]), through `facula.backends.DeviceRuntime`; nothing here knows a driver. Without a plug-in
or a driver `is_available()` is False, `device_count()` is 0, and what needs a device raises a
RuntimeError that says what is missing.
"""

from __future__ import annotations

import importlib
from typing import Any

from facula.cuda.devices import (
    current_device,
    device,
    device_count,
    device_of,
    get_arch_list,
    get_device_capability,
    get_device_name,
    get_device_properties,
    init,
    is_available,
    is_bf16_supported,
    is_initialized,
    set_device,
    synchronize,
)
from facula.cuda.memory import (
    empty_cache,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_max_memory_allocated,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from facula.cuda.random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from facula.cuda.streams import (
    Event,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    set_stream,
    stream,
)

__all__ = [
    "default_stream", "device", "device_count", "device_of", "empty_cache", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state", "get_rng_state_all",
    "init", "initial_seed", "is_available", "is_bf16_supported", "is_initialized", "manual_seed",
    "manual_seed_all", "max_memory_allocated", "max_memory_reserved", "mem_get_info", "memory_allocated",
    "memory_reserved", "memory_stats", "memory_summary", "reset_max_memory_allocated", "reset_peak_memory_stats",
    "seed", "seed_all", "set_device", "set_per_process_memory_fraction", "set_rng_state", "set_rng_state_all",
    "set_stream", "stream", "synchronize",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "amp":
        return importlib.import_module("facula.cuda.amp")
    if name == "OutOfMemoryError":
        import facula

        return facula.OutOfMemoryError
    raise AttributeError(
        f"module 'facula.cuda' has no attribute {name!r}; see facula.cuda.__all__ for what there is"
    )
