"""A decoder-only transformer language model.

Source: Radford et al. 2019, "Language models are unsupervised multitask learners" (GPT-2): layer norm
before each block, GELU, learned positions, output weights tied to the embedding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import facula
from facula import Tensor, nn
from facula.nn import functional as F


@dataclass
class GPTConfig:
    """Sizes of a GPT: of vocabulary, context (in tokens), layers, heads, embedding; dropout rate."""

    vocab_size: int
    context: int = 128
    layers: int = 4
    heads: int = 4
    width: int = 128
    dropout: float = 0.0


class CausalSelfAttention(nn.Module):
    """Attention of each position to those before it: (batch, time, width) to the same.

    With `kept`, keys and values of a layer of a `KeyValueCache`, `x` is what comes at `places` (time,), and is kept there.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"width {config.width} is not divisible by {config.heads} heads")
        self.heads, self.dropout = config.heads, config.dropout
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, kept: Any = None, places: Tensor | None = None) -> Any:
        batch, time, width = x.shape
        shape = (batch, time, self.heads, width // self.heads)
        q, k, v = (part.reshape(*shape).transpose(1, 2) for part in self.qkv(x).split(width, -1))
        dropout, visible = self.dropout if self.training else 0.0, None
        if kept is not None and places is not None:
            k, v = (old.index_copy_(2, places, new.to(old.dtype)) for old, new in zip(kept, (k, v)))
            visible = facula.arange(k.shape[2], device=x.device) <= places[:, None]
        out = F.scaled_dot_product_attention(q, k, v, visible, dropout, is_causal=kept is None)
        return self.proj(out.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """Attention and a two-layer network, each with a norm before and a shortcut around."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = CausalSelfAttention(config)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 4 * config.width), nn.GELU(approximate="tanh"),
            nn.Linear(4 * config.width, config.width), nn.Dropout(config.dropout),
        )  # fmt: skip

    def forward(self, x: Tensor, kept: Any = None, places: Tensor | None = None) -> Any:
        cached = () if kept is None else (kept, places)
        x = x + self.attention(self.norm1(x), *cached)
        return x + self.mlp(self.norm2(x))


class KeyValueCache:
    """Keys and values of the tokens that a GPT has seen: `layers` has two tensors (batch, heads, room, features) for each layer.

    There is room for 64 tokens, then for 128 and so on: a compiled model has one program for each of these lengths.
    """

    def __init__(self, config: GPTConfig, layers: int, batch: int, like: Tensor):
        empty = like.new_zeros(batch, config.heads, 0, config.width // config.heads)
        self.layers: list[tuple[Any, Any]] = [(empty, empty) for _ in range(layers)]
        self.context, self.length = config.context, 0

    def places_of_next(self, count: int) -> Tensor:
        """Makes room for `count` tokens, which come next, and says where they are: int64 (count,)."""
        start, self.length = self.length, self.length + count
        keys, _ = self.layers[0]
        if self.length > keys.shape[2]:
            room = min(self.context, max(64, 1 << (self.length - 1).bit_length()))
            more = 0, 0, 0, room - keys.shape[2]
            self.layers = [(F.pad(k, more), F.pad(v, more)) for k, v in self.layers]
        return facula.arange(start, self.length, device=keys.device)


class GPT(nn.Module):
    """Tokens (batch, time), int64, to scores of the next token (batch, time, vocab_size)."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.width)
        self.position = nn.Embedding(config.context, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self._initialize()

    def _initialize(self) -> None:
        for name, p in self.named_parameters():
            if p.ndim >= 2:
                scale = (
                    0.02 / math.sqrt(2 * self.config.layers)
                    if name.endswith(("proj.weight", "mlp.2.weight"))
                    else 0.02
                )
                nn.init.normal_(p, 0.0, scale)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, tokens: Tensor, kept: Any = None, places: Tensor | None = None) -> Any:
        time = tokens.shape[1]
        if time > self.config.context:
            raise ValueError(
                f"GPT: {time} tokens are more than its context of {self.config.context}"
            )
        if places is None:
            places = facula.arange(time, device=tokens.device)
        x = self.dropout(self.token(tokens) + self.position(places))
        for i, block in enumerate(self.blocks):
            x = block(x) if kept is None else block(x, kept[i], places)
        return F.linear(self.norm(x), self.token.weight)

    @facula.no_grad()
    def generate(
        self, tokens: Tensor, count: int, temperature: float = 1.0, top_k: int | None = None
    ) -> Tensor:
        """`tokens` (batch, time) with `count` more drawn one by one.

        `temperature` below 1 prefers likely tokens; 0 takes the likeliest; `top_k` draws among so many.
        Keys and values of what was seen are kept until the text is longer than the context: then every token has
        another place at each step, and all are computed anew, as where a part of another class stands in place of
        one of ours. `model.compile()` makes the steps programs.
        """
        was_training = self.training
        self.eval()
        like, layers = self.token.weight, len(self.blocks)
        cache = KeyValueCache(self.config, layers, len(tokens), like) if self._can_keep() else None
        for _ in range(count):
            scores = self._scores_of_next(tokens, cache)
            tokens = facula.cat([tokens, _draw(scores, temperature, top_k)], 1)
        self.train(was_training)
        return tokens

    def _can_keep(self) -> bool:
        """Whether all parts take keys and values: those that users put in their places may not."""
        parts = [(self, GPT)]
        for block in self.blocks:
            parts += [(block, Block), (getattr(block, "attention", None), CausalSelfAttention)]
        is_ours = all(getattr(type(x), "forward", None) is kind.forward for x, kind in parts)
        return is_ours and len(parts) > 1

    def _scores_of_next(self, tokens: Tensor, cache: KeyValueCache | None) -> Any:
        """Scores (batch, vocab_size) of what follows `tokens`, of which `cache` has seen all but the last ones."""
        if cache is None or tokens.shape[1] > self.config.context:
            return self(tokens[:, -self.config.context :].clone())[:, -1]
        new = tokens[:, cache.length :].clone()  # programs look at strides
        # A beginning is of any length and comes once: not worth a program.
        is_beginning = self._compiled_call_impl is not None and not cache.length
        step = self.forward if is_beginning else self
        places = cache.places_of_next(new.shape[1])
        return step(new, cache.layers, places)[:, -1]


def _draw(scores: Tensor, temperature: float, top_k: int | None) -> Tensor:
    if temperature == 0:
        return scores.argmax(-1, keepdim=True)
    scores = scores / temperature
    if top_k is not None and top_k < scores.shape[-1]:
        least = scores.topk(top_k).values[:, -1:]
        scores = scores.masked_fill(scores < least, float("-inf"))
    return facula.multinomial(scores.softmax(-1), 1)
