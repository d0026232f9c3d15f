"""Random numbers that are the same on every device: Philox 4x64-10, counted in blocks.

A generator is a seed and an offset. Each call takes a whole number of blocks of four 64-bit words
(`next_key`), so element i of its result depends on (seed, offset, i) alone, and the next call starts
at a fresh block: `rand(10)` twice differs from `rand(20)`. Nothing is rejected and drawn again, so a device
makes all elements at once. Block b of a key is Philox 4x64-10 (J. Salmon et al., "Parallel random
numbers: as easy as 1, 2, 3", SC 2011) of key (seed, 0) and counter offset + b + 1: the words
that `numpy.random.Philox(key=seed, counter=offset)` gives.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.autograd.mode import Mode, state

_MASK = 2**64 - 1
#: The constants of Philox 4x64.
MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
FIRST_SEED = 67280421310721  # PyTorch's


class Key:
    """What one random call draws from: a seed, and the number of blocks used before it.

    Ops take it as an option and kernels read it when they run: a captured graph holds a key that
    each replay renews (`Mode.random_key`).
    """

    __slots__ = ("offset", "seed")

    def __init__(self, seed: int, offset: int):
        self.seed, self.offset = seed, offset

    def __repr__(self) -> str:
        return f"Key(seed={self.seed}, offset={self.offset})"


class Generator:
    """A stream of random numbers. One generator serves any device, and gives the same bits on each."""

    def __init__(self, device: Any = "cpu"):
        self.device = Device(device)
        self._lock = threading.Lock()
        self._seed, self._offset = FIRST_SEED, 0
        if isinstance(state.mode, Mode):  # each replay makes it anew, as it were
            state.mode.seed(self, FIRST_SEED)

    def take(self, blocks: int) -> Key:
        """A key to that many blocks, which no later call gets again."""
        with self._lock:
            key = Key(self._seed, self._offset)
            self._offset += blocks
        return key

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream of `seed`, an int of up to 64 bits, from its beginning; within `facula.compile` at each call."""
        seed = int(seed)
        if not -(2**63) <= seed <= _MASK:
            raise RuntimeError(
                f"Overflow when unpacking long: a seed has up to 64 bits, got {seed}"
            )
        if isinstance(state.mode, Mode):
            state.mode.seed(self, seed & _MASK)
        else:
            self.start(seed & _MASK)
        return self

    def start(self, seed: int) -> Generator:
        """`manual_seed` of a number from 0 on, whatever mode the thread is in."""
        with self._lock:
            self._seed, self._offset = seed, 0
        return self

    def seed(self) -> int:
        """Starts a stream of unforeseeable numbers, and returns its seed."""
        _refuse_in_capture("a generator was seeded with an unforeseeable number")
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> Any:
        """The place in the stream, as a uint8 tensor of 24 elements: seed (8) and offset (16)."""
        from facula.construct import from_numpy

        with self._lock:
            raw = self._seed.to_bytes(8, "little") + self._offset.to_bytes(16, "little")
        return from_numpy(np.frombuffer(raw, np.uint8).copy())

    def set_state(self, new_state: Any) -> None:
        """Goes to a place in a stream that `get_state` told. Raises for anything else."""
        _refuse_in_capture("the state of a generator was set")
        raw = new_state.detach().cpu().numpy()
        if raw.dtype != np.uint8 or raw.shape != (24,):
            raise RuntimeError(
                f"RNG state must be a uint8 tensor of 24 elements from get_state(), got {raw.dtype} {raw.shape}"
            )
        data = raw.tobytes()
        with self._lock:
            self._seed = int.from_bytes(data[:8], "little")
            self._offset = int.from_bytes(data[8:], "little")

    def clone_state(self) -> Generator:
        """Another generator at the same place."""
        other = Generator(self.device)
        other._seed, other._offset = self._seed, self._offset
        return other

    def __getstate__(self) -> Any:
        return str(self.device), self._seed, self._offset

    def __setstate__(self, saved: Any) -> None:
        self.__init__(saved[0])  # type: ignore[misc]
        self._seed, self._offset = saved[1:]

    def __repr__(self) -> str:
        return f"<facula.Generator device='{self.device}' seed={self._seed} offset={self._offset}>"


#: What random functions draw from unless they are given another, on all devices.
default_generator = Generator()


def next_key(generator: Generator | None, count: int, bits: int) -> Key:
    """A key for `count` words of 32 or 64 bits, taken from `generator` (None: the default one)."""
    per_block = 256 // bits
    blocks = -(-count // per_block)
    generator = default_generator if generator is None else generator
    mode = state.mode
    if isinstance(mode, Mode):
        return mode.random_key(generator, blocks)  # type: ignore[no-any-return]
    return generator.take(blocks)


def _refuse_in_capture(what: str) -> None:
    """A replay goes on in the stream: it would not do this again."""
    from facula.graph.errors import refuse
    from facula.graph.scalars import is_capturing

    if is_capturing():
        raise refuse(what, "do it before the compiled function is called")


def manual_seed(seed: int) -> Generator:
    """Seeds the default generator, for all devices, and returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seeds the default generator with an unforeseeable number, which it returns."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The state of the default generator, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Sets the state of the default generator."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda"
) -> Iterator[None]:
    """Puts the default generator back at the end to where it was at the start."""
    if enabled:
        _refuse_in_capture("fork_rng was entered")
    before = default_generator.__getstate__()
    try:
        yield
    finally:
        if enabled:
            default_generator._seed, default_generator._offset = before[1:]


# ---- the definition, in Python: what devices without a kernel of their own run


def philox(seed: int, counter: int) -> tuple[int, int, int, int]:
    """The four words of one block: ten rounds of two 64 x 64 -> 128 bit products."""
    c0, c1, c2, c3 = (counter >> 64 * i & _MASK for i in range(4))
    k0, k1 = seed, 0
    for _ in range(10):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1 = second >> 64 ^ c1 ^ k0, second & _MASK
        c2, c3 = first >> 64 ^ c3 ^ k1, first & _MASK
        k0, k1 = k0 + WEYL[0] & _MASK, k1 + WEYL[1] & _MASK
    return c0, c1, c2, c3


def words(key: Key, count: int, bits: int) -> list[int]:
    """The first `count` words of a key; of 32 bits, low halves come before high ones."""
    blocks = -(-count * bits // 256)
    wide = [w for b in range(blocks) for w in philox(key.seed, key.offset + b + 1)]
    if bits == 32:
        wide = [half for w in wide for half in (w & 0xFFFFFFFF, w >> 32)]
    return wide[:count]
