"""What all distributions share."""

from __future__ import annotations

from typing import Any

from facula._tensor import Size, Tensor
from facula.autograd.mode import no_grad
from facula.graph.scalars import is_capturing


class Distribution:
    """Base of the distributions: a batch of them, each over events of one shape."""

    has_rsample = False

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ):
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw of one of them."""
        return self._event_shape

    def _extended(self, sample_shape: Any) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, of shape `sample_shape + batch_shape + event_shape`, off the tape."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws as a differentiable function of the parameters. Raises NotImplementedError where there is none."""
        raise NotImplementedError(
            f"{type(self).__name__} has no reparametrised samples; use sample()"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density, or of the probability, of `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def entropy(self) -> Tensor:
        """Entropy in nats, one for each of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    @property
    def mean(self) -> Tensor:
        """Expected value."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def variance(self) -> Tensor:
        """Expected squared distance from the mean."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """Square root of the variance."""
        return self.variance.sqrt()

    def perplexity(self) -> Tensor:
        """Exponential of the entropy."""
        return self.entropy().exp()


def broadcast(*values: Any) -> tuple[Tensor, ...]:
    """Parameters as tensors of one shape and, where they were numbers, of the dtype of the others."""
    import facula

    like = next((v for v in values if isinstance(v, Tensor)), facula.tensor(0.0))
    tensors = [v if isinstance(v, Tensor) else like.new_tensor(float(v)) for v in values]
    return tuple(facula.broadcast_tensors(*tensors))


def require(name: str, holds: Tensor, parameter: str, constraint: str, value: Tensor) -> None:
    """Raises ValueError where a parameter is outside what the distribution is defined for."""
    if fails(holds):
        raise ValueError(
            f"Expected parameter {parameter} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {name} "
            f"to satisfy the constraint {constraint}, but found invalid values:\n{value}"
        )


def fails(holds: Tensor) -> bool:
    """Whether a condition does not hold everywhere; False under capture, which knows no values."""
    return not is_capturing() and not bool(holds.all())
