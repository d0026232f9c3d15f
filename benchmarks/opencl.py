"""OpenCL on PoCL against PyTorch on the same cores, with nothing allowed to run on the host.

The device is FACULA_OPENCL_DEVICE's first, or PoCL 3.1 (Debian's pocl-opencl-icd) where it is installed; the
figures of the PoCL 3.0 that comes with `pip install pyopencl[pocl]` follow. Ratios are our time by PyTorch's: a bound of
1.67 is 0.6 of PyTorch's speed. Single operations are done ten in a row, as programs do, and then waited for; training
steps are waited for each.

    python benchmarks/run.py opencl          python benchmarks/opencl.py [part of a name ...]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ["FACULA_STRICT"] = "1"
THREADS = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
os.environ["POCL_MAX_PTHREAD_COUNT"] = str(THREADS)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from measure import compare, row  # noqa: E402
from models.gpt import gpt  # noqa: E402
from models.resnet import resnet18  # noqa: E402
from work import adamw_step  # noqa: E402

import facula  # noqa: E402
from facula.backends import backend_for  # noqa: E402
from facula_opencl.devices import devices  # noqa: E402

torch.set_num_threads(THREADS)
Make = Callable[[Any, Any], Callable[[], Any]]


def values(module: Any, device: Any, *shape: int) -> Any:
    """Numbers that both libraries get alike."""
    drawn = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    return module.tensor(drawn).to(device)


def whole(module: Any, device: Any, count: int, *shape: int) -> Any:
    drawn = np.random.default_rng(sum(shape)).integers(0, count, shape)
    return module.tensor(drawn).to(device)


def matmul(module: Any, device: Any) -> Any:
    a, b = values(module, device, 1024, 1024), values(module, device, 1024, 1024)
    return lambda: a @ b


def softmax(module: Any, device: Any) -> Any:
    x = values(module, device, 2000, 2000)
    return lambda: x.softmax(-1)


def layer_norm(module: Any, device: Any) -> Any:
    x, w, b = (values(module, device, *s) for s in ((2000, 2000), (2000,), (2000,)))
    return lambda: module.nn.functional.layer_norm(x, (2000,), w, b)


def add(module: Any, device: Any) -> Any:
    x, y = values(module, device, 1 << 22), values(module, device, 1 << 22)
    return lambda: x + y


def exp(module: Any, device: Any) -> Any:
    x = values(module, device, 1 << 22)
    return lambda: x.exp()


def tanh(module: Any, device: Any) -> Any:
    x = values(module, device, 1 << 22)
    return lambda: x.tanh()


def gelu(module: Any, device: Any) -> Any:
    x = values(module, device, 1 << 22)
    return lambda: module.nn.functional.gelu(x)


def conv(module: Any, device: Any) -> Any:
    x, w = values(module, device, 32, 64, 32, 32), values(module, device, 64, 64, 3, 3)
    return lambda: module.nn.functional.conv2d(x, w, padding=1)


def attention(module: Any, device: Any) -> Any:
    """Forward and backward of 8 heads that look back over 1,024 positions."""
    parts = [values(module, device, 1, 8, 1024, 64 + i)[..., :64].contiguous() for i in range(4)]
    *inputs, g = parts
    for x in inputs:
        x.requires_grad_()

    def gradients() -> Any:
        for x in inputs:
            x.grad = None
        module.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True).backward(g)
        return inputs[1].grad

    return gradients


def resnet_step(module: Any, device: Any) -> Any:
    module.manual_seed(0)
    model = resnet18(module).to(device)
    x, y = values(module, device, 16, 3, 32, 32), whole(module, device, 10, 16)
    return adamw_step(module, model, x, y)


def gpt_step(module: Any, device: Any) -> Any:
    module.manual_seed(0)
    model = gpt(module).to(device)
    x, y = whole(module, device, 96, 8, 128), whole(module, device, 96, 8 * 128)
    return adamw_step(module, model, x, y)


#: What is timed, with the largest ratio of times that is good enough, calls a turn, and turns.
CASES: dict[str, tuple[Make, float, int, int]] = {
    "matmul 1024": (matmul, 1 / 0.6, 20, 15),
    "softmax 2000x2000": (softmax, 1 / 0.7, 20, 15),
    "layer norm 2000x2000": (layer_norm, 1 / 0.7, 20, 15),
    "x + y, 4M": (add, 1 / 0.6, 20, 15),
    "exp, 4M": (exp, 1 / 0.6, 20, 15),
    "tanh, 4M": (tanh, 1 / 0.6, 20, 15),
    "gelu, 4M": (gelu, 1 / 0.6, 20, 15),
    "conv 32x64x32x32, 3x3": (conv, 1 / 0.5, 5, 15),
    "attention and gradients, 8x1024x64, causal": (attention, 1.0, 2, 15),
    "ResNet-18 step, 16x3x32x32": (resnet_step, 1 / 0.4, 1, 9),
    "GPT step, 4 layers of 192, 8x128": (gpt_step, 1 / 0.4, 1, 9),
}


#: Operations that are enqueued before the device is waited for; PyTorch does as many.
IN_A_ROW = 10


def waiting(function: Callable[[], Any], device: str, times: int = 1) -> Callable[[], Any]:
    """`function`, `times` in a row, and all of it done."""
    synchronize = backend_for(device).synchronize
    row = several(function, times)

    def call() -> Any:
        out = row()
        synchronize()
        return out

    return call


def several(function: Callable[[], Any], times: int) -> Callable[[], Any]:
    def call() -> Any:
        for _ in range(times):
            out = function()
        return out

    return call


@torch.no_grad()
def time_case(name: str, device: str, label: str) -> None:
    make, bound, number, rounds = CASES[name]
    ours, theirs = make(facula, device), make(torch, "cpu")
    if "step" in name or "gradients" in name:
        with torch.enable_grad():
            agree(name, ours, theirs, 0.05)
            compare(f"{name}, {label}", waiting(ours, device), theirs, number, "ms", rounds, bound)
        return
    with facula.no_grad():
        agree(name, ours, theirs, 1e-3)
        pair = waiting(ours, device, IN_A_ROW), several(theirs, IN_A_ROW)
        compare(f"{name}, {label}", *pair, number, "ms", rounds, bound, each=IN_A_ROW)


def agree(name: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """Raises AssertionError where the two do not compute the same."""
    got, expected = ours().detach().cpu().numpy(), theirs().detach().numpy()
    error = float(np.abs(got - expected).max() / np.abs(expected).max())
    if name.endswith("8x128") or name.startswith("ResNet"):  # their initial weights differ
        assert np.isfinite(got) and got < 5, (name, got, expected)
    else:
        assert error < tolerance, (name, error)


def time_enqueue(device: str, label: str) -> None:
    """Microseconds of `x + y` of ten elements until it is enqueued; the device is waited for between turns."""
    backend, turns = backend_for(device), []
    x, y = facula.ones(10, device=device), facula.ones(10, device=device)
    with facula.no_grad():
        for _ in range(60):
            start = time.perf_counter()
            for _ in range(500):
                x + y
            turns.append((time.perf_counter() - start) / 500 * 1e6)
            backend.synchronize()
    median = sorted(turns)[len(turns) // 2]
    row(f"x + y, 10 elements, enqueued, {label}", median, None, "µs", median, 8)


def chosen() -> list[tuple[str, str]]:
    """The devices that are timed, and what they are called in the table."""
    found = [(f"opencl:{i}", version(d)) for i, d in enumerate(devices())]
    return found if os.environ.get("FACULA_OPENCL_DEVICE") else found[:2]


def version(device: Any) -> str:
    words = device.platform.version.split()
    at = words.index("PoCL") if "PoCL" in words else -1
    return " ".join(words[at : at + 2]) if at >= 0 else device.name.strip()


def main(names: list[str]) -> None:
    for device, label in chosen():
        if not names or "enqueue" in names:
            time_enqueue(device, label)
        for name in CASES:
            if not names or any(part in name for part in names):
                time_case(name, device, label)
        assert not backend_for(device).host_calls, backend_for(device).host_calls


if __name__ == "__main__":
    main(sys.argv[1:])
