"""A small GPT: a decoder that is trained on whole sequences, or run token by token with a cache of keys and values."""

from __future__ import annotations

from typing import Any


def gpt(lib: Any, vocabulary: int = 96, context: int = 128, width: int = 192, layers: int = 4, heads: int = 6) -> Any:  # fmt: skip
    """A decoder of `layers` blocks with attention that looks back only.

    Called with tokens (N, T) it gives logits (N * T, vocabulary). `next(token, place)` is one step of
    generation: tokens (N, 1) at `place`, int64 of shape (1,), whose keys and values are kept in buffers.
    """
    nn, F = lib.nn, lib.nn.functional

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def heads(self, x: Any) -> Any:
            batch, time, _ = x.shape
            parts = self.qkv(self.norm1(x)).reshape(batch, time, 3, heads, width // heads)
            return parts.permute(2, 0, 3, 1, 4).unbind(0)

        def rest(self, x: Any, seen: Any) -> Any:
            x = x + self.proj(seen.transpose(1, 2).reshape(x.shape))
            return x + self.mlp(self.norm2(x))

        def forward(self, x: Any) -> Any:
            q, k, v = self.heads(x)
            return self.rest(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))

        def remember(self, batch: int) -> None:
            shape = batch, heads, context, width // heads
            self.register_buffer("keys", lib.zeros(shape))
            self.register_buffer("values", lib.zeros(shape))

        def next(self, x: Any, place: Any, visible: Any) -> Any:
            q, k, v = self.heads(x)
            self.keys.index_copy_(2, place, k)
            self.values.index_copy_(2, place, v)
            seen = F.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=visible)
            return self.rest(x, seen)

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.layers = nn.ModuleList(Layer() for _ in range(layers))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

        def forward(self, tokens: Any) -> Any:
            x = self.token(tokens) + self.place.weight[: tokens.shape[1]]
            for layer in self.layers:
                x = layer(x)
            return self.head(self.norm(x)).flatten(0, 1)

        def remember(self, batch: int) -> None:
            """Makes the empty caches for `batch` sequences."""
            self.register_buffer("places", lib.arange(context))
            for layer in self.layers:
                layer.remember(batch)

        def next(self, token: Any, place: Any) -> Any:
            """Logits (N, vocabulary) of what follows `token`."""
            x = self.token(token) + self.place(place)
            visible = (self.places <= place)[None]
            for layer in self.layers:
                x = layer.next(x, place, visible)
            return self.head(self.norm(x))[:, 0]

    return Decoder()
