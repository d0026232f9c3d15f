"""The old names of `facula.amp` for CUDA."""

from __future__ import annotations

from typing import Any

from facula.amp import GradScaler as _GradScaler, autocast as _autocast, custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(_autocast):
    """`facula.amp.autocast("cuda", ...)`; it does nothing to tensors where there is no CUDA device."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True):
        from facula.cuda import is_available

        super().__init__("cuda", dtype, enabled and is_available(), cache_enabled)


class GradScaler(_GradScaler):
    """`facula.amp.GradScaler("cuda", ...)`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("cuda", *args, **kwargs)
