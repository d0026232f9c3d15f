"""Facula: PyTorch's API in small, readable Python, on any device that someone writes a plug-in for.

PYTEST_DONT_REWRITE: facula-core brings a pytest plug-in, and pytest warns where facula was imported before it.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from facula import constants as _constants, dtypes as _dtypes, ops as _ops
from facula._device import device
from facula._tensor import Size, Tensor
from facula.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from facula.backends import domain_imports as _domain_imports
from facula.construct import as_tensor, from_numpy, tensor
from facula.dtypes import dtype, finfo, get_default_dtype, iinfo, set_default_dtype
from facula.ops._op import ALIASES as _ALIASES, OPS as _OPS
from facula.promotion import can_cast, promote_types

__version__ = "0.1.0"

#: In nanoseconds: sources that changed since then are not what runs here.
_LOADED = time.time_ns()

_domain_imports.install()
globals().update(_dtypes.NAMES)
globals().update(_constants.NAMES)

#: Where names live that are not ops; imported when first asked for.
_HOMES = {
    "save": "facula.io", "load": "facula.io", "compile": "facula.graph",
    "cond": "facula.graph.control", "while_loop": "facula.graph.control", "scan": "facula.graph.control",
    "manual_seed": "facula.random", "Generator": "facula.random", "seed": "facula.random",
    "initial_seed": "facula.random", "get_rng_state": "facula.random", "set_rng_state": "facula.random",
    "default_generator": "facula.random", "set_printoptions": "facula.printing",
    "get_printoptions": "facula.printing", "printoptions": "facula.printing",
    "hann_window": "facula.signal.windows",
    "hamming_window": "facula.signal.windows", "blackman_window": "facula.signal.windows",
    "bartlett_window": "facula.signal.windows", "kaiser_window": "facula.signal.windows",
    "broadcast_shapes": "facula.queries", "is_tensor": "facula.queries", "is_storage": "facula.queries", "is_floating_point": "facula.queries",
    "is_complex": "facula.queries", "is_signed": "facula.queries", "is_conj": "facula.queries",
    "is_neg": "facula.queries", "is_inference": "facula.queries", "is_nonzero": "facula.queries",
    "numel": "facula.queries", "result_type": "facula.queries",
    "frombuffer": "facula.construct", "asarray": "facula.construct", "scalar_tensor": "facula.construct",
    "from_dlpack": "facula.construct", "empty_strided": "facula.construct", "empty_permuted": "facula.construct", "FloatTensor": "facula.construct",
    "DoubleTensor": "facula.construct", "HalfTensor": "facula.construct", "BFloat16Tensor": "facula.construct",
    "LongTensor": "facula.construct", "IntTensor": "facula.construct", "ShortTensor": "facula.construct",
    "CharTensor": "facula.construct", "ByteTensor": "facula.construct", "BoolTensor": "facula.construct",
    "get_num_threads": "facula.threads", "set_num_threads": "facula.threads",
    "use_deterministic_algorithms": "facula.settings", "are_deterministic_algorithms_enabled": "facula.settings",
    "is_deterministic_algorithms_warn_only_enabled": "facula.settings", "set_flush_denormal": "facula.settings",
    "set_float32_matmul_precision": "facula.settings", "get_float32_matmul_precision": "facula.settings",
    "typename": "facula.settings", "autocast": "facula.amp", "is_autocast_enabled": "facula.amp",
    "get_autocast_dtype": "facula.amp", "GradScaler": "facula.amp",
    "is_anomaly_enabled": "facula.autograd", "range": "facula.ranges", "vander": "facula.ranges", "cov": "facula.statistics", "corrcoef": "facula.statistics", "isin": "facula.queries", "unravel_index": "facula.ranges",
    "gradient": "facula.ranges",
    "set_default_device": "facula.backends", "get_default_device": "facula.backends",
    "OutOfMemoryError": "facula.errors", "DeviceError": "facula.errors",
    "get_device_module": "facula.backends.accelerators",
}  # fmt: skip
_MODULES = frozenset(
    (
        "autograd",
        "backends",
        "nn",
        "optim",
        "utils",
        "data",
        "io",
        "graph",
        "random",
        "testing",
        "linalg",
        "fft",
        "special",
        "signal",
        "cuda",
        "cpu",
        "accelerator",
        "profiler",
        "amp",
        "func",
        "distributions",
        "compiler",
        "_logging",
        "_higher_order_ops",
    )
)

#: Domain packages that register themselves as `facula.<name>` once they are installed.
_DOMAINS = ("vision", "audio", "text")
#: What PyTorch has and facula has not, with what to use for it.
_ABSENT = {
    "jit": "there is no scripting; leave torch.jit.script out, or capture with facula.compile(function)",
    "vmap": "give the function batched tensors: operations broadcast over leading dimensions",
    "sparse": "tensors are dense", "quantization": "there are no quantized tensors", "ao": "there are no quantized tensors",
    "onnx": "there is no export to ONNX", "distributed": "training runs in one process",
    "multiprocessing": "use Python's own multiprocessing; DataLoader has workers", "sparse_coo_tensor": "tensors are dense",
    "hub": "there are no downloads", 
    "mps": "devices are plug-ins: facula.backends.plugins() lists them", "xpu": "devices are plug-ins: facula.backends.plugins() lists them",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    value = _find(name)
    globals()[name] = value
    return value


def _find(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"facula.{name}")
    if not name.startswith("__"):
        op = _OPS.get(name) or _ALIASES.get(name)
        if op is not None:
            from facula.functions import namespace_function

            return namespace_function(op)
        if name.endswith("_") and (name[:-1] in _OPS or name[:-1] in _ALIASES):
            return getattr(Tensor, name)
        from facula.backends.discovery import domain_modules, load_ops

        if name in domain_modules():
            return importlib.import_module(f"facula.{name}")
        load_ops()  # of plug-ins: their ops may be asked for before any device is used
        if name in _OPS:
            return _find(name)
    advice = _ABSENT.get(name, f"try: pip install facula[{name}]" if name in _DOMAINS else "")
    hint = f"; {advice}" if advice else ""
    raise AttributeError(f"module 'facula' has no attribute {name!r}{hint}")
