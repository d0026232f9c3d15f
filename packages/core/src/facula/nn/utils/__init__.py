"""Functions on the parameters and gradients of modules. What needs layers is imported at first use."""

from __future__ import annotations

import importlib
from typing import Any

from facula.nn.utils import rnn as rnn
from facula.nn.utils.clip_grad import (
    clip_grad_norm as clip_grad_norm,
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    clip_grads_with_norm_ as clip_grads_with_norm_,
    get_total_norm as get_total_norm,
)
from facula.nn.utils.convert_parameters import (
    parameters_to_vector as parameters_to_vector,
    vector_to_parameters as vector_to_parameters,
)
from facula.nn.utils.init import skip_init as skip_init

_HOMES = {
    "weight_norm": "norm_hooks", "remove_weight_norm": "norm_hooks", "spectral_norm": "norm_hooks",
    "remove_spectral_norm": "norm_hooks", "fuse_conv_bn_eval": "fusion", "fuse_conv_bn_weights": "fusion",
    "fuse_linear_bn_eval": "fusion", "fuse_linear_bn_weights": "fusion",
}  # fmt: skip
_MODULES = ("fusion", "parametrizations", "parametrize", "prune", "stateless")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"facula.nn.utils.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'facula.nn.utils' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"facula.nn.utils.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
