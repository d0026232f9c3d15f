"""An encoder of BERT-base's shape (Devlin et al. 2018): 12 layers of 768, 12 heads, norms after the sums."""

from __future__ import annotations

from typing import Any


def bert(lib: Any, vocabulary: int = 30522, context: int = 512, width: int = 768, layers: int = 12, heads: int = 12) -> Any:  # fmt: skip
    """Tokens (N, T) to hidden states (N, T, width)."""
    nn, F = lib.nn, lib.nn.functional

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
            self.proj = nn.Linear(width, width)
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x: Any) -> Any:
            batch, time, _ = x.shape

            def split(y: Any) -> Any:
                return y.reshape(batch, time, heads, width // heads).transpose(1, 2)

            q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
            seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
            x = self.norm1(x + self.proj(seen))
            return self.norm2(x + self.mlp(x))

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.norm = nn.LayerNorm(width)
            self.layers = nn.ModuleList(Layer() for _ in range(layers))

        def forward(self, tokens: Any) -> Any:
            x = self.norm(self.token(tokens) + self.place.weight[: tokens.shape[1]])
            for layer in self.layers:
                x = layer(x)
            return x

    return Encoder()
