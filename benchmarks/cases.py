"""What is measured. A case is a function of a library (`torch`, `facula`) and sizes that gives work to time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from models.bert import bert
from models.cnn import digits_cnn, small_cnn
from models.gpt import gpt
from models.keywords import keyword_net
from models.lstm import lstm_language_model
from models.mlp import mlp
from models.resnet import resnet18, resnet50
from models.tree import random_tree, tree_lstm
from models.vae import vae
from weights import fill, normal, uniform, whole
from work import Calling, Feeding, Training

#: Different batches that a case goes through in turn.
BATCHES = 4


def tensors(lib: Any, *arrays: np.ndarray) -> tuple[Any, ...]:
    return tuple(lib.from_numpy(x) for x in arrays)


def classify(lib: Any, model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray) -> Training:
    """Training with cross-entropy on the batches x[i], y[i]."""
    loss = lib.nn.CrossEntropyLoss()
    batches = [tensors(lib, a, b) for a, b in zip(x, y)]
    return Training(optimizer, lambda a, b: loss(model(a), b), batches)


def in_bfloat16(case: Callable[..., Training]) -> Callable[..., Training]:
    """A case of training whose losses are made under autocast to bfloat16."""

    def build(lib: Any, **sizes: int) -> Training:
        work = case(lib, **sizes)
        loss = lib.autocast("cpu", dtype=lib.bfloat16)(work.loss)
        return Training(work.optimizer, loss, work.given)

    return build


def small_mlp_training(lib: Any, batch: int = 32) -> Training:
    model = fill(lib, mlp(lib, width=128))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = normal(1, BATCHES, batch, 784), whole(2, 10, BATCHES, batch)
    return classify(lib, model, optimizer, x, y)


def mlp_training(lib: Any, batch: int = 32, width: int = 256, hidden: int = 2) -> Training:
    model = fill(lib, mlp(lib, width=width, hidden=hidden))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    x, y = normal(1, BATCHES, batch, 784), whole(2, 10, BATCHES, batch)
    return classify(lib, model, optimizer, x, y)


def cnn_training(lib: Any, batch: int = 64) -> Training:
    model = fill(lib, digits_cnn(lib))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-4)
    x, y = normal(1, BATCHES, batch, 1, 28, 28), whole(2, 10, BATCHES, batch)
    return classify(lib, model, optimizer, x, y)


def small_cnn_training(lib: Any, batch: int = 64) -> Training:
    model = fill(lib, small_cnn(lib))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = normal(1, BATCHES, batch, 1, 28, 28), whole(2, 10, BATCHES, batch)
    return classify(lib, model, optimizer, x, y)


def resnet18_training(lib: Any, batch: int = 32) -> Training:
    model = fill(lib, resnet18(lib))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    x, y = normal(1, 2, batch, 3, 32, 32), whole(2, 10, 2, batch)
    return classify(lib, model, optimizer, x, y)


def lstm_training(lib: Any, batch: int = 20, time: int = 35, width: int = 200) -> Training:
    model = fill(lib, lstm_language_model(lib, width=width))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    tokens = whole(1, 2000, BATCHES, batch, time + 1)
    x, y = tokens[:, :, :-1].copy(), tokens[:, :, 1:].reshape(BATCHES, -1)
    return classify(lib, model, optimizer, x, y)


def tree_training(lib: Any, batch: int = 8, trees: int = 64) -> Training:
    """Each batch has other trees, of 5 to 20 words."""
    model = fill(lib, tree_lstm(lib))
    optimizer = lib.optim.Adagrad(model.parameters(), lr=0.05)
    draws, grown = np.random.default_rng(3), []
    for _ in range(trees):
        words = draws.integers(0, 1000, int(draws.integers(5, 21)))
        grown.append(random_tree(draws, [lib.tensor([int(w)]) for w in words]))
    y = lib.from_numpy(whole(2, 5, trees))
    starts = range(0, trees, batch)
    loss = lib.nn.CrossEntropyLoss()
    batches = [(grown[i : i + batch], y[i : i + batch]) for i in starts]
    return Training(optimizer, lambda a, b: loss(model(a), b), batches)


def gpt_training(lib: Any, batch: int = 8, time: int = 128, width: int = 192, layers: int = 4) -> Training:  # fmt: skip
    model = fill(lib, gpt(lib, width=width, layers=layers, context=time))
    optimizer = lib.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = whole(1, 96, BATCHES, batch, time + 1)
    x, y = tokens[:, :, :-1].copy(), tokens[:, :, 1:].reshape(BATCHES, -1)
    return classify(lib, model, optimizer, x, y)


def gpt_tokens(lib: Any, batch: int = 1) -> Feeding:
    """One token a step, the most likely one fed back; after 128 of them the next text begins."""
    model = fill(lib, gpt(lib)).eval()
    model.remember(batch)

    def following(token: Any, place: Any) -> Any:
        return model.next(token, place).argmax(1, keepdim=True)

    places = [(lib.tensor([i]),) for i in range(128)]
    return Feeding(lib, following, lib.zeros(batch, 1, dtype=lib.int64), places)


def vae_training(lib: Any, batch: int = 128) -> Training:
    model = fill(lib, vae(lib))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    batches = [tensors(lib, x) for x in uniform(1, BATCHES, batch, 784)]
    return Training(optimizer, model, batches)


def keyword_training(lib: Any, batch: int = 32) -> Training:
    model = fill(lib, keyword_net(lib))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    x, y = normal(1, BATCHES, batch, 1, 8000), whole(2, 35, BATCHES, batch)
    return classify(lib, model, optimizer, x, y)


def inference(lib: Any, model: Any, *inputs: np.ndarray) -> Calling:
    return Calling(lib, fill(lib, model).eval(), [tensors(lib, x) for x in inputs])


def resnet50_inference(lib: Any, batch: int = 1) -> Calling:
    return inference(lib, resnet50(lib), *normal(1, 2, batch, 3, 224, 224))


def bert_inference(lib: Any, batch: int = 1, time: int = 128) -> Calling:
    return inference(lib, bert(lib), *whole(1, 30522, 2, batch, time))


def policy_inference(lib: Any, batch: int = 1) -> Calling:
    """Values of 2 actions for 4 numbers of state, as a DQN for a cart and pole has them."""
    return inference(lib, mlp(lib, 4, 128, 2, 2), *normal(1, BATCHES, batch, 4))


def chain(lib: Any, size: int = 1_000_000) -> Calling:
    """Six operations of arithmetic."""
    inputs = tensors(lib, normal(1, size), normal(2, size))
    return Calling(lib, lambda x, y: ((x * y + 1.5) * x - y) * 0.5 + x, [inputs])


def chain_exp(lib: Any, size: int = 1_000_000) -> Calling:
    """Six operations, tanh and exp among them."""
    inputs = tensors(lib, normal(1, size), normal(2, size))
    return Calling(lib, lambda x, y: ((x.tanh() * y + x) * -0.5).exp() * y, [inputs])


def operation(expression: Callable[..., Any], *shapes: tuple[int, ...]) -> Callable[[Any], Calling]:
    """A case of one operation on random tensors: `expression(lib, *tensors)`."""

    def build(lib: Any) -> Calling:
        inputs = tensors(lib, *(normal(i, *shape) for i, shape in enumerate(shapes)))
        return Calling(lib, lambda *xs: expression(lib, *xs), [inputs])

    return build


def gemm(m: int, k: int, n: int) -> Callable[[Any], Calling]:
    return operation(lambda lib, a, b: a @ b, (m, k), (k, n))


def conv(batch: int, inside: int, size: int, out: int, kernel: int, stride: int = 1) -> Callable[[Any], Calling]:  # fmt: skip
    def expression(lib: Any, x: Any, w: Any) -> Any:
        return lib.nn.functional.conv2d(x, w, stride=stride, padding=kernel // 2)

    return operation(expression, (batch, inside, size, size), (out, inside, kernel, kernel))
