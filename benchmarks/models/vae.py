"""A variational autoencoder for digits (Kingma, Welling 2013), with the sizes of PyTorch's example."""

from __future__ import annotations

from typing import Any


def vae(lib: Any, inside: int = 784, width: int = 400, latent: int = 20) -> Any:
    """(N, inside) in [0, 1] to the loss: reconstruction plus divergence, a sample's mean."""
    nn, F = lib.nn, lib.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Linear(inside, width)
            self.mean, self.log_variance = nn.Linear(width, latent), nn.Linear(width, latent)
            self.decoder = nn.Sequential(
                nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, inside)
            )

        def forward(self, x: Any) -> Any:
            h = self.encoder(x).relu()
            mean, log_variance = self.mean(h), self.log_variance(h)
            z = mean + lib.randn_like(mean) * (0.5 * log_variance).exp()
            likeness = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
            divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
            return (likeness + divergence) / x.shape[0]

    return VAE()
