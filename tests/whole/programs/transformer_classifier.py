"""nn.TransformerEncoder with positions, a padding mask and a class token; a warm-up schedule by LambdaLR."""

import math

import numpy as np
import torch
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, max_len: int = 16):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe[: x.size(0)]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, 8))
        nn.init.trunc_normal_(self.cls, std=0.02)
        self.position = PositionalEncoding(8)
        layer = nn.TransformerEncoderLayer(
            d_model=8, nhead=2, dim_feedforward=16, dropout=0.0, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, num_layers=2, norm=nn.LayerNorm(8), enable_nested_tensor=False
        )
        self.head = nn.Linear(8, 3)

    def forward(self, src: Tensor) -> Tensor:
        x = self.embed(src.t()) * math.sqrt(8)
        x = torch.cat([self.cls.expand(-1, x.size(1), -1), x], dim=0)
        mask = torch.cat([torch.zeros(len(src), 1, dtype=torch.bool), src == 0], 1)
        return self.head(self.encoder(self.position(x), src_key_padding_mask=mask)[0])


def main(same_weights):
    rng = np.random.default_rng(0)
    src = torch.from_numpy(rng.integers(1, 12, (4, 7)))
    src[0, 5:] = 0
    src[2, 3:] = 0
    y = torch.randint(0, 3, (4,)) * 0 + torch.arange(4) % 3
    model = same_weights(Classifier())
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 3, 1.0))
    losses = []
    for _ in range(4):
        loss = nn.functional.cross_entropy(model(src), y, weight=torch.tensor([1.0, 2.0, 0.5]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.3)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses + [model.cls.grad, model(src)]
