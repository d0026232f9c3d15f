"""Which CUDA devices there are, what they are, and which one is current."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from facula._device import device as Device
from facula.backends.runtime import DeviceRuntime, runtime_of

__all__ = [
    "current_device", "device", "device_count", "device_of", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "index_of", "init", "is_available",
    "is_bf16_supported", "is_initialized", "runtime", "set_device", "synchronize",
]  # fmt: skip


def device_count() -> int:
    """How many CUDA devices the plug-ins offer; 0 without a plug-in or a driver."""
    from facula.backends.registry import count

    try:
        return count("cuda")
    except RuntimeError:
        return 0


def is_available() -> bool:
    """Whether there is a CUDA device."""
    return device_count() > 0


def runtime() -> DeviceRuntime:
    """The runtime of the device type 'cuda'. Raises RuntimeError, with what to do, where no device is."""
    from facula.backends.registry import backend_for, count, plugins

    if "cuda" not in plugins().devices or not count("cuda"):
        backend_for("cuda:0")  # raises, and says what is missing
    return runtime_of("cuda")


def index_of(device: Any) -> int:
    """The number of a device given as an int, 'cuda:1', a `device` or None (the current one).

    Raises ValueError for a device of another type, RuntimeError for one that is not there.
    """
    ours = runtime()
    if device is None:
        return ours.current_device()
    if isinstance(device, int):
        index = device
    else:
        named = Device(device)
        if named.type != "cuda":
            raise ValueError(f"expected a cuda device, got '{named}'")
        index = ours.current_device() if named.index is None else named.index
    if not 0 <= index < device_count():
        raise RuntimeError(
            f"CUDA error: invalid device ordinal {index}: there are {device_count()} devices, numbered from 0"
        )
    return index


def is_initialized() -> bool:
    """As `is_available`: there is nothing to initialise."""
    return is_available()


def init() -> None:
    """Raises RuntimeError, with what is missing, where there is no CUDA device; else does nothing."""
    runtime()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current device computes bfloat16; core computes it in float32 and rounds.

    Without emulation: whether its architecture (8.0 and later) has instructions for it.
    """
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def current_device() -> int:
    """The number of the device that 'cuda' means in this thread. Raises RuntimeError where there is none."""
    return runtime().current_device()


def set_device(device: Any) -> None:
    """Makes a device the one that 'cuda' means in this thread; a negative number changes nothing."""
    if isinstance(device, int) and device < 0:
        return
    index = index_of(device)
    runtime().set_device(index)


class device:
    """Context manager: `with facula.cuda.device(1): ...` makes 'cuda' mean 'cuda:1'.

    A negative number or None changes nothing. Raises RuntimeError for a device that is not there.
    """

    def __init__(self, device: Any):
        unchanged = device is None or (isinstance(device, int) and device < 0)
        self.idx = -1 if unchanged else index_of(device)
        self._before: list[int] = []

    def __enter__(self) -> None:
        if self.idx >= 0:
            self._before.append(runtime().current_device())
            runtime().set_device(self.idx)

    def __exit__(self, *exc: Any) -> None:
        if self.idx >= 0:
            runtime().set_device(self._before.pop())


class device_of(device):
    """As `device`, for the device of a tensor; one that is elsewhere changes nothing."""

    def __init__(self, obj: Any):
        super().__init__(obj.device if obj.device.type == "cuda" else None)


def synchronize(device: Any = None) -> None:
    """Waits until a device (the current one) has done all it was asked to. Raises where there is none."""
    index = index_of(device)
    runtime().synchronize(index)


def get_device_properties(device: Any = None) -> SimpleNamespace:
    """A device's `name`, `total_memory` in bytes, `major`, `minor`, `multi_processor_count` and whatever
    else its plug-in knows.
    """
    index = index_of(device)
    return SimpleNamespace(**runtime().properties(index))


def get_device_name(device: Any = None) -> str:
    """The name of a device, as 'NVIDIA H100'."""
    return str(get_device_properties(device).name)


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The architecture of a device, as (9, 0)."""
    found = get_device_properties(device)
    return found.major, found.minor


def get_arch_list() -> list[str]:
    """The architectures that kernels are built for: those of the devices here, as they are built at first use."""
    pairs = {get_device_capability(i) for i in range(device_count())}
    return [f"sm_{major}{minor}" for major, minor in sorted(pairs)]
