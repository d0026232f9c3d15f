"""Probability distributions that can be sampled, and differentiated by their parameters."""

from facula.distributions.bernoulli import Bernoulli
from facula.distributions.categorical import Categorical
from facula.distributions.continuous import Exponential, Laplace, Normal, Uniform
from facula.distributions.distribution import Distribution
from facula.distributions.divergence import kl_divergence, register_kl

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Exponential", "Laplace", "Normal", "Uniform", "kl_divergence", "register_kl",
]  # fmt: skip
