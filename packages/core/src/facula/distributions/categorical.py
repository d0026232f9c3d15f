"""The categorical distribution."""

from __future__ import annotations

from typing import Any

from facula._tensor import Size, Tensor
from facula.autograd.mode import no_grad
from facula.distributions.distribution import Distribution, require


class Categorical(Distribution):
    """Draws 0 to K - 1, with probabilities `probs` (positive, made to sum to 1) or `logits` along the last dimension."""

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            if validate_args is not False:
                require("Categorical", probs >= 0, "probs", "Simplex()", probs)
            self.probs = probs / probs.sum(-1, keepdim=True)
            self.logits = self.probs.clamp(*_inside(self.probs)).log()
        else:
            assert logits is not None
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            if validate_args is not False:
                require(
                    "Categorical",
                    logits == logits,
                    "logits",
                    "IndependentConstraint(Real(), 1)",
                    logits,
                )
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
            self.probs = self.logits.softmax(-1)
        super().__init__(self.logits.shape[:-1])

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self.logits.shape

    @property
    def mode(self) -> Tensor:
        """The most probable number."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        import facula

        shape = self._extended(sample_shape)
        count = Size(sample_shape).numel()
        with no_grad():
            rows = self.probs.detach().reshape(-1, self.probs.shape[-1])
            drawn = facula.multinomial(rows, count, True)
        return drawn.T.reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        import facula

        value, logits = facula.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        return -(self.logits.clamp(min=-3.4e38) * self.probs).sum(-1)


def _inside(probs: Tensor) -> tuple[float, float]:
    """What probabilities are clamped to before their logarithm is taken, as in PyTorch."""
    from facula.dtypes import finfo

    eps = finfo(probs.dtype).eps
    return eps, 1 - eps
