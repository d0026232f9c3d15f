"""The NumPy backend: core's array adapter over `numpy`, and kernels that NumPy can do faster."""

from __future__ import annotations

import numpy as np

from facula._device import device as Device
from facula.backends.array import ArrayBackend
from facula_numpy import (
    activation,
    attention,
    choose,
    conv,
    embedding,
    inplace,
    linear,
    loss,
    norm,
    optimizer,
    random,
    recurrent,
)


class NumpyBackend(ArrayBackend):
    """The `cpu` device."""

    def __init__(self, device: Device):
        super().__init__(device, np)
        self.table |= conv.kernels()
        self.table |= random.table(self)
        self.table |= (
            choose.KERNELS
            | activation.kernels(self, self.table["erf"])
            | loss.KERNELS
            | norm.KERNELS
            | embedding.KERNELS
        )
        self.table |= recurrent.kernels(self)
        self.table |= linear.kernels(self)
        self.table |= attention.kernels(self)
        self.inplace_kernels |= inplace.KERNELS | optimizer.KERNELS
