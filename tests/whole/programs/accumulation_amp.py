"""Gradient accumulation, clipping, autocast to bfloat16 on the CPU, a GradScaler that does nothing there."""

import numpy as np
import torch
import torch.nn as nn
from torch.amp import GradScaler, autocast

torch.backends.cudnn.benchmark = True
torch.backends.cudnn.deterministic = True
torch.set_float32_matmul_precision("high")


def main(same_weights):
    rng = np.random.default_rng(0)
    x, y = (
        torch.from_numpy(rng.normal(size=(12, 5)).astype(np.float32)),
        torch.from_numpy(rng.integers(0, 3, 12)),
    )
    model = same_weights(
        nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))
    )
    optimizer, scaler, losses = (
        torch.optim.AdamW(model.parameters(), lr=1e-2),
        GradScaler("cuda", enabled=torch.cuda.is_available()),
        [],
    )
    optimizer.zero_grad()
    for i, (a, b) in enumerate(zip(x.chunk(4), y.split(3))):
        loss = nn.functional.cross_entropy(model(a), b) / 2
        scaler.scale(loss).backward()
        if (i + 1) % 2 == 0:
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5, norm_type=2.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            losses.append(norm.item())
        losses.append(loss.item())
    with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
        hidden = model[0](x)
        out = model(x)
        total = hidden.float().sum() * 0 + nn.functional.cross_entropy(out, y)
    with autocast("cpu", enabled=False):
        full = model[0](x)
    total.backward()
    kinds = [str(t.dtype).split(".")[1] for t in (hidden, out, total, full, model[0].weight.grad)]
    assert np.allclose(hidden.detach().float().numpy(), full.detach().numpy(), atol=0.05)
    return losses + [kinds]
