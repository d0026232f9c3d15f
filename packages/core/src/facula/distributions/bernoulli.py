"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import no_grad
from facula.distributions.categorical import _inside
from facula.distributions.distribution import Distribution, broadcast, require


class Bernoulli(Distribution):
    """1 with probability `probs` (or `sigmoid(logits)`), else 0."""

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            (self.probs,) = broadcast(probs)
            if validate_args is not False:
                inside = (self.probs >= 0) & (self.probs <= 1)
                require(
                    "Bernoulli",
                    inside,
                    "probs",
                    "Interval(lower_bound=0.0, upper_bound=1.0)",
                    self.probs,
                )
            kept = self.probs.clamp(*_inside(self.probs))
            self.logits = kept.log() - (-kept).log1p()
        else:
            (self.logits,) = broadcast(logits)
            self.probs = self.logits.sigmoid()
        super().__init__(self.logits.shape)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self.probs.detach().expand(self._extended(sample_shape)).bernoulli()

    def log_prob(self, value: Tensor) -> Tensor:
        from facula.nn import functional as F

        logits, value = broadcast(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        from facula.nn import functional as F

        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
