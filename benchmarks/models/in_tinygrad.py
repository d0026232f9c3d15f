"""Cases in tinygrad: the networks of this folder with the same weights, names and updates, each step under TinyJit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tinygrad import Tensor, TinyJit
from tinygrad.helpers import Context
from tinygrad.nn.optim import AdamW
from weights import normal, weight, whole

from models.shapes import CNN, gpt_shapes, mlp_shapes

BATCHES = 4
Weights = dict[str, Any]


class Training:
    """Steps of AdamW (or Adam, without decay)."""

    def __init__(self, loss: Callable[..., Any], shapes: dict[str, tuple], batches: list[tuple], lr: float = 1e-3, decay: float = 0.0):  # fmt: skip
        self.batches = itertools.cycle([tuple(Tensor(x).realize() for x in b) for b in batches])
        weights = {name: Tensor(weight(name, s)).realize() for name, s in shapes.items()}
        optimizer = AdamW(list(weights.values()), lr=lr, weight_decay=decay, eps=1e-8)

        @TinyJit
        def step(*batch: Any) -> Any:
            optimizer.zero_grad()
            value = loss(weights, *batch)
            value.backward()
            with Context(TRAINING=1):
                return value.realize(*optimizer.schedule_step())

        self.whole = step

    def step(self) -> Any:
        return self.whole(*next(self.batches))


def linear(w: Weights, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def mlp_training(batch: int = 32, width: int = 256, hidden: int = 2) -> Training:
    def loss(w: Weights, x: Any, y: Any) -> Any:
        for i in range(hidden):
            x = linear(w, str(2 * i), x).relu()
        return linear(w, str(2 * hidden), x).cross_entropy(y)

    x, y = normal(1, BATCHES, batch, 784), whole(2, 10, BATCHES, batch)
    return Training(loss, mlp_shapes(784, width, hidden, 10), list(zip(x, y)))


def cnn_training(batch: int = 64) -> Training:
    def loss(w: Weights, x: Any, y: Any) -> Any:
        for name in ("0", "2"):
            x = x.conv2d(w[f"{name}.weight"], w[f"{name}.bias"]).relu()
        x = linear(w, "6", x.max_pool2d(2).flatten(1)).relu()
        return linear(w, "8", x).cross_entropy(y)

    x, y = normal(1, BATCHES, batch, 1, 28, 28), whole(2, 10, BATCHES, batch)
    return Training(loss, CNN, list(zip(x, y)), lr=1e-4)


def gpt_training(batch: int = 8, time: int = 128, width: int = 192, layers: int = 4, heads: int = 6) -> Training:  # fmt: skip
    def norm(w: Weights, name: str, x: Any) -> Any:
        return x.layernorm(eps=1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def attention(w: Weights, name: str, x: Any) -> Any:
        parts = linear(w, f"{name}.qkv", x).reshape(batch, time, 3, heads, width // heads)
        q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))
        seen = q.scaled_dot_product_attention(k, v, is_causal=True)
        return linear(w, f"{name}.proj", seen.transpose(1, 2).reshape(batch, time, width))

    def gelu(x: Any) -> Any:
        return 0.5 * x * (1 + (x * 2**-0.5).erf())

    def loss(w: Weights, tokens: Any, y: Any) -> Any:
        x = w["token.weight"][tokens] + w["place.weight"]
        for i in range(layers):
            name = f"layers.{i}"
            x = x + attention(w, name, norm(w, f"{name}.norm1", x))
            inner = linear(w, f"{name}.mlp.0", norm(w, f"{name}.norm2", x))
            x = x + linear(w, f"{name}.mlp.2", gelu(inner))
        return linear(w, "head", norm(w, "norm", x)).flatten(0, 1).cross_entropy(y)

    tokens = whole(1, 96, BATCHES, batch, time + 1)
    x, y = tokens[:, :, :-1].copy(), tokens[:, :, 1:].reshape(BATCHES, -1)
    return Training(loss, gpt_shapes(96, time, width, layers), list(zip(x, y)), decay=0.01)
