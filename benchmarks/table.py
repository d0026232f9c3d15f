"""The rows of the table: cases with their sizes, which peers there are, and what must be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cases


@dataclass(frozen=True)
class Row:
    """A case, and the least ratios 'time of PyTorch / time of Facula' that are good enough.

    `eager` is held against PyTorch's eager mode, `compiled` against the faster of that and
    torch.compile. `tolerance`: how far, relatively, the peers' results of the first steps may differ.
    """

    name: str
    what: str
    build: Callable[..., Any]
    sizes: dict[str, int] = field(default_factory=dict)
    eager: float | None = None
    compiled: float | None = None
    tolerance: float = 1e-3
    only_eager: bool = False
    threads: tuple[int, ...] = (2,)


BOTH = (1, 2)
#: Cases that JAX and tinygrad have too, in models/in_jax.py and models/in_tinygrad.py.
PORTED = (cases.mlp_training, cases.cnn_training, cases.gpt_training)


def peers_of(row: Row, wanted: list[str]) -> list[str]:
    """Those of the peers that can do it."""

    def can(peer: str) -> bool:
        if peer in ("jax", "tinygrad"):
            return row.build in PORTED
        return not (row.only_eager and peer.endswith("-compiled"))

    return [peer for peer in wanted if can(peer)]


#: What issue of the table is to be shown on two cores, then other cases, operations last.
ROWS = (
    Row("mlp-32", "MLP 784-256-256-10 training, batch 32", cases.mlp_training, {}, 1.2, 4, threads=BOTH),
    Row("mlp-512", "MLP 784-256-256-10 training, batch 512", cases.mlp_training, {"batch": 512}, 1.0, 1.5, threads=BOTH),
    Row("cnn", "MNIST CNN training, batch 64", cases.cnn_training, {}, 0.9, 1.3, threads=BOTH),
    Row("resnet18", "ResNet-18 CIFAR training, batch 32", cases.resnet18_training, {}, 0.9, 1.05, tolerance=1e-2),
    Row("lstm", "LSTM language model training, 20 x 35", cases.lstm_training, {}, 1.3, 1.4),
    Row("treelstm", "TreeLSTM training, 8 changing trees", cases.tree_training, {}, 1.2, only_eager=True),
    Row("gpt", "small GPT training, 8 x 128, 4 layers of 192", cases.gpt_training, {}, 0.9, 1.3),
    Row("gpt-tokens", "small GPT, one token generated", cases.gpt_tokens, {}, 1.0, 3),
    Row("vae", "VAE training, batch 128", cases.vae_training, {}, 1.0, 1.4, tolerance=2e-2),
    Row("keywords", "1-D convolution keyword net training, batch 32", cases.keyword_training, {}, 1.0, 1.4),
    Row("resnet50-1", "ResNet-50 inference, batch 1", cases.resnet50_inference, {}, 0.85, 1.1),
    Row("bert-1", "BERT-base inference, 1 x 128", cases.bert_inference, {}, 0.85, 1.0),
    Row("policy", "policy network inference, batch 1", cases.policy_inference, {}, 0.8, 3, threads=BOTH),
    Row("chain", "chain of 6 on 1M, arithmetic", cases.chain, {}, 0.5, 1.0, threads=BOTH),
    Row("chain-exp", "chain of 6 on 1M, with tanh and exp", cases.chain_exp, {}, 0.8, 2, threads=BOTH),
    Row("mlp-512-bf16", "the same MLP, batch 512, autocast to bfloat16", cases.in_bfloat16(cases.mlp_training), {"batch": 512}, tolerance=2e-2),
    Row("cnn-bf16", "MNIST CNN training, batch 64, autocast to bfloat16", cases.in_bfloat16(cases.cnn_training), tolerance=2e-2),
    Row("gpt-bf16", "small GPT training, autocast to bfloat16", cases.in_bfloat16(cases.gpt_training), tolerance=2e-2),
    Row("small-mlp", "MLP 784-128-128-10 training, batch 32", cases.small_mlp_training, {}, 1.0, threads=BOTH),
    Row("small-cnn", "small MNIST CNN training, batch 64", cases.small_cnn_training),
    Row("resnet50-8", "ResNet-50 inference, batch 8", cases.resnet50_inference, {"batch": 8}),
    Row("bert-8", "BERT-base inference, 8 x 128", cases.bert_inference, {"batch": 8}),
    Row("sum", "sum of 1000 x 1000", cases.operation(lambda lib, x: x.sum(), (1000, 1000))),
    Row("sum-0", "sum over dim 0 of 1000 x 1000", cases.operation(lambda lib, x: x.sum(0), (1000, 1000))),
    Row("sum-1", "sum over dim 1 of 1000 x 1000", cases.operation(lambda lib, x: x.sum(1), (1000, 1000))),
    Row("max-1", "amax over dim 1 of 1000 x 1000", cases.operation(lambda lib, x: x.amax(1), (1000, 1000))),
    Row("softmax", "softmax of 1000 x 1000", cases.operation(lambda lib, x: x.softmax(-1), (1000, 1000))),
    Row("layer-norm", "layer norm of 1000 x 1000", cases.operation(lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (1000,), w, b), (1000, 1000), (1000,), (1000,))),
    Row("gemm-32", "matmul 32 x 784 x 256", cases.gemm(32, 784, 256)),
    Row("gemm-512", "matmul 512 x 512 x 512", cases.gemm(512, 512, 512)),
    Row("gemm-thin", "matmul 2048 x 64 x 2048", cases.gemm(2048, 64, 2048)),
    Row("gemm-long", "matmul 64 x 4096 x 64", cases.gemm(64, 4096, 64)),
    Row("gemm-vector", "matmul 1 x 1024 x 1024", cases.gemm(1, 1024, 1024)),
    Row("conv-3", "conv 32 x 64 x 32 x 32 to 64, 3 x 3", cases.conv(32, 64, 32, 64, 3)),
    Row("conv-1", "conv 32 x 256 x 8 x 8 to 64, 1 x 1", cases.conv(32, 256, 8, 64, 1)),
    Row("conv-stride", "conv 32 x 64 x 32 x 32 to 128, 3 x 3, stride 2", cases.conv(32, 64, 32, 128, 3, 2)),
    Row("conv-first", "conv 1 x 3 x 224 x 224 to 64, 7 x 7, stride 2", cases.conv(1, 3, 224, 64, 7, 2)),
)  # fmt: skip


def chosen(names: list[str]) -> list[Row]:
    """The rows of these names; where there is none, those whose names go on with '-'. All without names.

    'table' names all that have something to reach.
    """
    found = []
    for name in names:
        if name == "table":
            found += [r for r in ROWS if r.eager is not None]
            continue
        exact = [r for r in ROWS if r.name == name]
        found += exact or [r for r in ROWS if r.name.startswith(name + "-")]
    return found if names else list(ROWS)
