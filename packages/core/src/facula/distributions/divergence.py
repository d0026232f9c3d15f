"""Kullback-Leibler divergences in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.distributions.bernoulli import Bernoulli
from facula.distributions.categorical import Categorical
from facula.distributions.continuous import Exponential, Normal

_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[..., Any]:
    """Decorates a function `(p, q)` that gives the divergence for two classes of distributions."""

    def register(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
        _FORMULAS[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The expected logarithm, under `p`, of the ratio of the densities of `p` and `q`.

    Raises NotImplementedError for a pair of classes without a formula.
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in _FORMULAS:
                return _FORMULAS[a, b](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    import facula

    terms = p.probs * (p.logits - q.logits)
    divergence: Tensor = facula.where(p.probs == 0, 0.0, terms).sum(-1)
    return divergence


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    yes = p.probs * (p.logits.neg().exp().log1p().neg() - q.logits.neg().exp().log1p().neg())
    no = (1 - p.probs) * (p.logits.exp().log1p().neg() - q.logits.exp().log1p().neg())
    return yes + no


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()
