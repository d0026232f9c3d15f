"""Neural style: frozen features, Gram matrices, activations caught by hooks; the image is what is optimised."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


def main(same_weights):
    rng = np.random.default_rng(0)
    cnn = same_weights(nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(4, 6, 3, padding=1),
    )).eval()  # fmt: skip
    for p in cnn.parameters():
        p.requires_grad_(False)
    caught = {}
    handles = [
        cnn[i].register_forward_hook(lambda m, i, o, name=name: caught.update({name: o}))
        for i, name in ((0, "a"), (2, "b"), (5, "c"))
    ]
    mean = torch.tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
    style, content = (
        torch.from_numpy(rng.random((1, 3, 8, 8)).astype("float32")) for _ in range(2)
    )
    with torch.no_grad():
        cnn((style - mean) / std)
        targets = {k: gram_matrix(v) for k, v in caught.items()}
        cnn((content - mean) / std)
        content_target = caught["c"].clone()
    image = content.clone().requires_grad_(True)
    optimizer, losses = torch.optim.Adam([image], lr=0.05), []
    for _ in range(4):
        with torch.no_grad():
            image.clamp_(0, 1)
        optimizer.zero_grad()
        cnn((image - mean) / std)
        style_loss = sum(F.mse_loss(gram_matrix(caught[k]), targets[k]) for k in targets)
        variation = (image[..., 1:] - image[..., :-1]).abs().mean() + (
            image[:, :, 1:] - image[:, :, :-1]
        ).abs().mean()
        loss = 100 * style_loss + F.mse_loss(caught["c"], content_target) + 0.01 * variation
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for h in handles:
        h.remove()
    return losses + [image]
