"""Seeds of CUDA's random numbers: the one default generator that serves all devices (`facula.random`).

Without a CUDA device, seeding does nothing, as in PyTorch: there the CPU's generator is another one.
"""

from __future__ import annotations

from typing import Any

from facula.cuda.devices import device_count, index_of, is_available

__all__ = [
    "get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed", "seed_all",
    "set_rng_state", "set_rng_state_all",
]  # fmt: skip


def manual_seed(seed: int) -> None:
    """Seeds the generator of all devices, the CPU included; nothing without a CUDA device."""
    from facula.random import manual_seed as seed_all

    if is_available():
        seed_all(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Seeds the generator with an unforeseeable number; nothing without a CUDA device."""
    from facula.random import seed as seed_all

    if is_available():
        seed_all()


seed_all = seed


def initial_seed() -> int:
    """The generator's seed. Raises RuntimeError without a CUDA device."""
    from facula.random import initial_seed as of_all

    index_of(None)
    return of_all()


def get_rng_state(device: Any = "cuda") -> Any:
    """The generator's state, a uint8 tensor on the CPU. Raises RuntimeError without a CUDA device."""
    from facula.random import get_rng_state as of_all

    index_of(device)
    return of_all()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Sets the generator's state. Raises RuntimeError without a CUDA device."""
    from facula.random import set_rng_state as of_all

    index_of(device)
    of_all(new_state)


def get_rng_state_all() -> list[Any]:
    """The generator's state, once per device."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state_all(new_states: Any) -> None:
    """Sets the state; all devices share one generator, so the last one counts."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)
