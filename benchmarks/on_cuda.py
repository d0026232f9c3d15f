"""CUDA: operations and training steps on a GPU, beside PyTorch's CUDA where that is installed.

    python benchmarks/on_cuda.py --output FILE        --dry: small sizes, to see that all of it runs

This file is not named cuda.py: scripts come first on the path, and CuPy imports a package of that name.

Times are medians of turns, the GPU's work waited for. Before a case is timed its results are compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from models.gpt import gpt
from models.resnet import resnet18
from work import adamw_step

import facula

Make = Callable[[Any, bool], Callable[[], Any]]


def values(module: Any, *shape: int) -> Any:
    drawn = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    return module.tensor(drawn).to("cuda")


def whole(module: Any, count: int, *shape: int) -> Any:
    return module.tensor(np.random.default_rng(0).integers(0, count, shape)).to("cuda")


def matmul(module: Any, dry: bool) -> Any:
    n = 64 if dry else 4096
    a, b = values(module, n, n), values(module, n, n)
    return lambda: a @ b


def softmax(module: Any, dry: bool) -> Any:
    x = values(module, 8, 100) if dry else values(module, 8192, 4096)
    return lambda: x.softmax(-1)


def layer_norm(module: Any, dry: bool) -> Any:
    x = values(module, 8, 100) if dry else values(module, 8192, 4096)
    w, b = values(module, x.shape[1]), values(module, x.shape[1])
    return lambda: module.nn.functional.layer_norm(x, (x.shape[1],), w, b)


def add(module: Any, dry: bool) -> Any:
    n = 1000 if dry else 1 << 24
    x, y = values(module, n), values(module, n)
    return lambda: x + y


def gelu(module: Any, dry: bool) -> Any:
    x = values(module, 1000 if dry else 1 << 24)
    return lambda: module.nn.functional.gelu(x)


def conv(module: Any, dry: bool) -> Any:
    n = 1 if dry else 32
    x, w = values(module, n, 64, 32, 32)[:, : 2 * n], values(module, 64, 64, 3, 3)[:, : 2 * n]
    return lambda: module.nn.functional.conv2d(x, w, padding=1)


def small_add(module: Any, dry: bool) -> Any:
    x, y = values(module, 10), values(module, 10)
    return lambda: x + y


def resnet_step(module: Any, dry: bool) -> Any:
    module.manual_seed(0)
    model = resnet18(module).to("cuda")
    n = 1 if dry else 128
    return adamw_step(module, model, values(module, n, 3, 32, 32), whole(module, 10, n))


def gpt_step(module: Any, dry: bool) -> Any:
    module.manual_seed(0)
    model = gpt(module).to("cuda")
    n = 1 if dry else 32
    x, y = whole(module, 96, n, 128), whole(module, 96, n * 128)
    return adamw_step(module, model, x, y)


#: Sizes are in the functions.
CASES: dict[str, Make] = {
    "x + y, 10 elements": small_add, "x + y, 16M": add, "gelu, 16M": gelu, "matmul 4096": matmul,
    "softmax 8192x4096": softmax, "layer norm 8192x4096": layer_norm, "conv 32x64x32x32, 3x3": conv,
    "ResNet-18 step, 128x3x32x32": resnet_step, "GPT step, 4 layers of 192, 32x128": gpt_step,
}  # fmt: skip


def seconds(module: Any, function: Callable[[], Any], number: int) -> float:
    module.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(number):
        function()
    module.cuda.synchronize()
    return (time.perf_counter() - start) / number


def agree(name: str, ours: Any, theirs: Any) -> None:
    """Raises where the first results of a case differ; training steps draw parameters alike but not equally."""
    a, b = (np.asarray(f().detach().cpu()) for f in (ours, theirs))
    if "step" not in name:
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-2, err_msg=name)


def measured(name: str, torch: Any, dry: bool) -> str:
    """A line of the table."""
    ours = CASES[name](facula, dry)
    rival = None if torch is None else CASES[name](torch, dry)
    if rival is not None:
        agree(name, ours, rival)
    for _ in range(1 if dry else 5):
        ours(), rival and rival()
    number = 1 if dry or "step" in name else 20
    turns = [
        (seconds(facula, ours, number), 0.0 if rival is None else seconds(torch, rival, number))
        for _ in range(2 if dry else 15)
    ]
    us, them = (statistics.median(t) * 1e3 for t in zip(*turns))
    return f"| {name} | {us:.3f} | " + (
        "| |" if rival is None else f"{them:.3f} | {us / them:.2f} |"
    )


def pytorch() -> Any:
    """PyTorch where it has CUDA, else None."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--dry", action="store_true")
    options = parser.parse_args()
    if not facula.cuda.is_available():
        sys.exit(f"no CUDA device: {why_not()}")
    torch = pytorch()
    lines = [
        f"# CUDA on {facula.cuda.get_device_name()}{' (dry run: the times mean nothing)' if options.dry else ''}", "",
        f"PyTorch: {'none with CUDA here' if torch is None else torch.__version__}. Milliseconds; the last column is ours by PyTorch's.",
        "", "| what | Facula | PyTorch | ratio |", "|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    for name in CASES:
        lines.append(measured(name, torch, options.dry))
        print(lines[-1], flush=True)
    peak = f"Peak memory: {facula.cuda.max_memory_allocated() / 2**20:.0f} MiB."
    print(f"\n{peak}")
    if options.output:
        options.output.write_text("\n".join([*lines, "", peak, ""]))


def why_not() -> str:
    try:
        facula.cuda.init()
    except RuntimeError as error:
        return str(error)
    return "unknown"


if __name__ == "__main__":
    main()
