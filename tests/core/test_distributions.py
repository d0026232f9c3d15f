"""Densities, entropies and divergences equal PyTorch's; samples have their mean and spread."""

from __future__ import annotations

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
VALUES = {
    "Normal": ([0.5, -1.0], [1.0, 2.0]), "Uniform": ([0.0, -1.0], [1.5, 2.0]), "Exponential": ([0.5, 2.0],), "Laplace": ([0.0, 1.0], [1.0, 0.5]),
    "Bernoulli": ([0.2, 0.9],), "Categorical": ([[0.2, 0.3, 0.5], [1.0, 1.0, 2.0]],),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_as_pytorch(name):
    def made(library):
        return getattr(library.distributions, name)(*map(library.tensor, VALUES[name]))

    ours, theirs = made(facula), made(torch)
    value = [1.0, 0.0]
    for get in (lambda d, lib: d.log_prob(lib.tensor(value)), lambda d, lib: d.entropy()):
        np.testing.assert_allclose(get(ours, facula).numpy(), get(theirs, torch).numpy(), rtol=1e-5)
    facula.manual_seed(0)
    drawn = ours.sample((4000,))
    assert (
        drawn.shape == theirs.sample((4000,)).shape
        and drawn.dtype.name == str(theirs.sample().dtype).split(".")[1]
    )
    if name != "Categorical":
        np.testing.assert_allclose(
            drawn.mean(0).numpy(), theirs.mean.numpy(), atol=5 * theirs.stddev.max().item() / 60
        )
        np.testing.assert_allclose(drawn.std(0).numpy(), theirs.stddev.numpy(), rtol=0.1)
    if name not in ("Uniform", "Laplace"):
        other = [np.abs(np.array(v)) * 0.5 + 0.1 for v in VALUES[name]]
        pair = [
            getattr(lib.distributions, name)(*[lib.tensor(v, dtype=lib.float32) for v in other])
            for lib in (facula, torch)
        ]
        np.testing.assert_allclose(
            facula.distributions.kl_divergence(ours, pair[0]).numpy(),
            torch.distributions.kl_divergence(theirs, pair[1]).numpy(),
            rtol=1e-4,
            atol=1e-6,
        )


def test_a_wrong_parameter_is_named():
    with pytest.raises(ValueError, match="scale"):
        facula.distributions.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match="probs"):
        facula.distributions.Categorical(facula.tensor([-0.1, 1.1]))


def test_they_are_made_within_compiled_functions():
    """Their parameters are not looked at there."""

    D = facula.distributions

    def f(x):
        size = x.exp()
        made = (
            D.Categorical(logits=x), D.Categorical(probs=x.softmax(-1)), D.Bernoulli(probs=x.sigmoid()),
            D.Normal(x, size), D.Uniform(x, x + 1.0), D.Exponential(size), D.Laplace(x, size),
        )  # fmt: skip
        return [d.sample() for d in made]

    x, compiled, found = facula.randn(2, 3), facula.compile(f), []
    for run in (f, compiled):
        facula.manual_seed(0)
        found.append([t.tolist() for t in run(x)])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=1e-5)


def test_a_parameter_that_is_replaced_is_seen_by_a_compiled_function():
    made = facula.distributions.Normal(facula.zeros(2), facula.ones(2))
    f = facula.compile(lambda x: made.log_prob(x))
    x = facula.ones(2)
    assert f(x).allclose(made.log_prob(x))
    made.loc = facula.ones(2) * 5.0
    assert f(x).allclose(made.log_prob(x))
    made.loc.fill_(7.0)
    assert f(x).allclose(made.log_prob(x))
    assert f.captures == 2
