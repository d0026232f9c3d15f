"""Each kind of kernel once, in small and uneven sizes: run under oclgrind by `test_oclgrind.py`, in strict mode.

Values are compared with the CPU's too, so that a kernel which writes nothing is found as well.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import facula
from facula import nn
from facula.nn import functional as F

RNG = np.random.default_rng(0)


def real(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def whole(high: int, *shape: int) -> Any:
    return RNG.integers(0, high, shape)


def train(layer: Any, x: Any) -> Any:
    """The result of a layer and all its gradients."""
    x = x.requires_grad_()
    out = layer(x)
    (out * out).sum().backward()
    return [out.detach(), x.grad, *[p.grad for p in layer.parameters()]]


def trained(make: Any) -> Any:
    def run(x: Any) -> Any:
        facula.manual_seed(3)
        return train(make().to(x.device), x)

    return run


def embedded(at: Any, table: Any) -> Any:
    """Rows of a table, and the gradient by it."""
    table = table.requires_grad_()
    out = F.embedding(at, table, padding_idx=1)
    (out * out).sum().backward()
    return out.detach(), table.grad


def in_place(x: Any, at: Any) -> Any:
    x[1:4, ::2] = -1.0
    x[at] += 2.0
    return x.mul_(3)


CASES: dict[str, tuple[Any, ...]] = {
    "map": (lambda x, y: (x + y).exp() * 2 - x.erf(), real(70), real(70)),
    "map strided": (lambda x: x.T[1:, ::2] * 3 + x.flip(0).T[1:, ::2], real(9, 7)),
    "map broadcast": (lambda x, y: (x * y).sin() / (y + 9), real(5, 1, 4), real(3, 1)),
    "map half": (lambda x: (x.half() + 1).float(), real(33)),
    "map integers": (lambda x, y: (x // (y + 1), x % (y + 1), x << 2), whole(99, 13), whole(5, 13)),
    "reduce": (lambda x: (x.sum(), x.sum(0), x.amax(1), x.prod(1), (x > 0).any(0)), real(17, 33)),
    "arg reduce": (lambda x: (x.argmax(), x.argmin(0), x.argmax(1)), real(9, 21)),
    "scan": (lambda x: (x.cumsum(0), x.cumsum(1), x.cummax(1)[0]), real(5, 19)),
    "gather": (lambda x, i: x.gather(1, i), real(6, 5), whole(5, 6, 9)),
    "scatter": (lambda x, i, s: x.scatter_add(1, i, s), real(4, 5), whole(5, 4, 3), real(4, 3)),
    "index": (lambda x, i: (x[i], x[:, i % 3], x[x > 0]), real(6, 5), whole(6, 7)),
    "in place": (in_place, real(6, 5), whole(6, 3)),
    "sort": (lambda x: (*x.sort(1), *x.topk(3, 0)), real(7, 11)),
    "random": (lambda x: (facula.randn(19, device=x.device), facula.rand(5, device=x.device)), real(1)),
    "matmul": (lambda x, y: (x @ y, y.T @ x.T, x[:, :1] @ y[:1]), real(19, 23), real(23, 35)),
    "matmul batch": (lambda x, y: x @ y, real(2, 5, 7), real(2, 7, 9)),
    "matmul double": (lambda x, y: x.double() @ y.double(), real(9, 7), real(7, 5)),
    "linear": (trained(lambda: nn.Linear(11, 6)), real(5, 11)),
    "conv": (trained(lambda: nn.Conv2d(3, 5, 3, stride=2, padding=1)), real(2, 3, 9, 8)),
    "conv groups": (trained(lambda: nn.Conv2d(4, 4, 3, groups=2, dilation=2)), real(1, 4, 7, 7)),
    "conv transpose": (trained(lambda: nn.ConvTranspose2d(3, 2, 3, stride=2)), real(1, 3, 4, 5)),
    "pool": (trained(lambda: nn.MaxPool2d(3, 2, 1)), real(2, 3, 7, 9)),
    "average pool": (trained(lambda: nn.AvgPool2d(2)), real(2, 3, 7, 9)),
    "batch norm": (trained(lambda: nn.BatchNorm2d(3)), real(3, 3, 5, 5)),
    "layer norm": (trained(lambda: nn.LayerNorm(37)), real(5, 37)),
    "rms norm": (trained(lambda: nn.RMSNorm(37)), real(5, 37)),
    "group norm": (trained(lambda: nn.GroupNorm(2, 6)), real(3, 6, 3, 7)),
    "softmax": (trained(lambda: nn.Softmax(-1)), real(7, 35)),
    "log softmax": (trained(lambda: nn.LogSoftmax(1)), real(3, 5, 4)),
    "gelu": (trained(nn.GELU), real(41)),
    "silu": (trained(nn.SiLU), real(41)),
    "embedding": (embedded, whole(9, 4, 3), real(9, 5)),
    "cross entropy": (lambda x, y: F.cross_entropy(x, y), real(6, 5), whole(5, 6)),
    "attention": (lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), real(1, 2, 9, 8)),
}  # fmt: skip


def results(function: Any, arrays: tuple[Any, ...], device: str) -> list[Any]:
    facula.manual_seed(7)
    found = function(*[facula.tensor(a, device=device) for a in arrays])
    listed = found if isinstance(found, (tuple, list)) else [found]
    return [t.detach().cpu().numpy() for t in listed]


def main() -> None:
    for name, (function, *arrays) in CASES.items():
        print(name, flush=True)  # the last one named is to blame for what comes in the log
        got = results(function, tuple(arrays), "opencl")
        for g, e in zip(got, results(function, tuple(arrays), "cpu"), strict=True):
            np.testing.assert_allclose(g, e, rtol=2e-4, atol=2e-5, err_msg=name)


if __name__ == "__main__":
    sys.exit(main())
