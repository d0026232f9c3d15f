"""Cases in JAX: the networks of this folder with the same weights, names and updates, one jitted function a step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from weights import normal, weight, whole

from models.shapes import CNN, gpt_shapes, mlp_shapes

BATCHES = 4
Weights = dict[str, Any]


class Training:
    """Steps of AdamW (or Adam, without decay) as one program: its arguments' memory is used again."""

    def __init__(self, loss: Callable[..., Any], shapes: dict[str, tuple], batches: list[tuple], lr: float = 1e-3, decay: float = 0.0):  # fmt: skip
        self.batches = itertools.cycle([tuple(map(jnp.asarray, b)) for b in batches])
        self.weights = {name: jnp.asarray(weight(name, s)) for name, s in shapes.items()}
        zeros = {name: jnp.zeros(s) for name, s in shapes.items()}
        self.state = zeros, {k: v.copy() for k, v in zeros.items()}, jnp.zeros(())

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(weights: Weights, state: Any, *batch: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(weights, *batch)
            means, squares, count = state
            count += 1
            means = {k: 0.9 * means[k] + 0.1 * grads[k] for k in weights}
            squares = {k: 0.999 * squares[k] + 0.001 * grads[k] ** 2 for k in weights}
            first, second = 1 - 0.9**count, 1 - 0.999**count
            new = {
                k: w * (1 - lr * decay)
                - lr * (means[k] / first) / (jnp.sqrt(squares[k] / second) + 1e-8)
                for k, w in weights.items()
            }
            return value, new, (means, squares, count)

        self.whole = step

    def step(self) -> Any:
        value, self.weights, self.state = self.whole(self.weights, self.state, *next(self.batches))
        return value


def cross_entropy(logits: Any, y: Any) -> Any:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1)
    return -chosen.mean()


def linear(w: Weights, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def mlp_training(batch: int = 32, width: int = 256, hidden: int = 2) -> Training:
    def loss(w: Weights, x: Any, y: Any) -> Any:
        for i in range(hidden):
            x = jax.nn.relu(linear(w, str(2 * i), x))
        return cross_entropy(linear(w, str(2 * hidden), x), y)

    x, y = normal(1, BATCHES, batch, 784), whole(2, 10, BATCHES, batch)
    return Training(loss, mlp_shapes(784, width, hidden, 10), list(zip(x, y)))


def cnn_training(batch: int = 64) -> Training:
    def conv(w: Weights, name: str, x: Any) -> Any:
        out = jax.lax.conv_general_dilated(x, w[f"{name}.weight"], (1, 1), "VALID")
        return jax.nn.relu(out + w[f"{name}.bias"][:, None, None])

    def loss(w: Weights, x: Any, y: Any) -> Any:
        x = conv(w, "2", conv(w, "0", x))
        window = (1, 1, 2, 2)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        x = jax.nn.relu(linear(w, "6", x.reshape(len(x), -1)))
        return cross_entropy(linear(w, "8", x), y)

    x, y = normal(1, BATCHES, batch, 1, 28, 28), whole(2, 10, BATCHES, batch)
    return Training(loss, CNN, list(zip(x, y)), lr=1e-4)


def layer_norm(w: Weights, name: str, x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    scale = jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred * scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def gpt_training(batch: int = 8, time: int = 128, width: int = 192, layers: int = 4, heads: int = 6) -> Training:  # fmt: skip
    past = np.tril(np.ones((time, time), bool))

    def attention(w: Weights, name: str, x: Any) -> Any:
        parts = linear(w, f"{name}.qkv", x).reshape(batch, time, 3, heads, width // heads)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(width // heads)
        seen = jax.nn.softmax(jnp.where(past, scores, -jnp.inf)) @ v
        return linear(w, f"{name}.proj", seen.swapaxes(1, 2).reshape(batch, time, width))

    def loss(w: Weights, tokens: Any, y: Any) -> Any:
        x = w["token.weight"][tokens] + w["place.weight"]
        for i in range(layers):
            name = f"layers.{i}"
            x = x + attention(w, name, layer_norm(w, f"{name}.norm1", x))
            inner = linear(w, f"{name}.mlp.0", layer_norm(w, f"{name}.norm2", x))
            x = x + linear(w, f"{name}.mlp.2", jax.nn.gelu(inner, approximate=False))
        logits = linear(w, "head", layer_norm(w, "norm", x))
        return cross_entropy(logits.reshape(batch * time, -1), y)

    tokens = whole(1, 96, BATCHES, batch, time + 1)
    x, y = tokens[:, :, :-1], tokens[:, :, 1:].reshape(BATCHES, -1)
    return Training(loss, gpt_shapes(96, time, width, layers), list(zip(x, y)), decay=0.01)
