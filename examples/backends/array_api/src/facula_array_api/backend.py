"""The backends: a library's namespace is all that core needs."""

from __future__ import annotations

import facula
from facula.backends.array_api import ArrayApiBackend


class StrictBackend(ArrayApiBackend):
    """Over array-api-strict, which has what the standard says and refuses all else."""

    def __init__(self, device: facula.device):
        import array_api_strict

        array_api_strict.set_array_api_strict_flags(api_version="2024.12")
        super().__init__(device, array_api_strict)


class JaxBackend(ArrayApiBackend):
    """Over JAX, whose arrays cannot be written, and whose memory has no strides to be seen."""

    dtypes = ArrayApiBackend.dtypes | {"float16", "bfloat16"}  # beyond the standard

    def __init__(self, device: facula.device):
        import jax

        jax.config.update("jax_enable_x64", True)  # else it makes float32 of float64
        super().__init__(device, jax.numpy)

    def synchronize(self) -> None:
        """Waits for what was launched: JAX returns before it has computed."""
        import jax

        jax.effects_barrier()
