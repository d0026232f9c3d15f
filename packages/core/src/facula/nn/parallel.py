"""`DataParallel`: here a wrapper that runs its module on one device."""

from __future__ import annotations

from typing import Any

from facula.nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Runs `module` as it is, as PyTorch does where it has at most one device."""

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError(f"DataParallel runs on one device, got device_ids={device_ids}")
        self.module = module
        self.dim, self.device_ids, self.output_device = dim, device_ids or [], output_device

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
