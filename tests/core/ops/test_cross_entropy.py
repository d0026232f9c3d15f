"""Cross entropy over many classes: pieces, threads, and a gradient that compiles to one pass."""

import numpy as np
import pytest

import facula
import facula.nn.functional as F


@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}, {"reduction": "none"}]
)
@pytest.mark.parametrize("ignored", [-100, 3])
@pytest.mark.parametrize("shape", [(3, 5), (40, 3000), (300, 2000), (2, 40000)])
def test_cross_entropy_in_pieces_and_threads_equals_float64(shape, ignored, options):
    generator = np.random.default_rng(5)
    scores = (generator.standard_normal(shape) * 4).astype("float32")
    scores[0, 0] = 80
    target = generator.integers(0, shape[1], shape[0])
    target[1] = ignored if ignored >= 0 else target[1]

    def run(dtype):
        x = facula.tensor(scores.astype(dtype), requires_grad=True)
        loss = F.cross_entropy(x, facula.tensor(target), ignore_index=ignored, **options)
        (
            loss * facula.arange(1, loss.numel() + 1, dtype=loss.dtype).reshape(loss.shape)
        ).sum().backward()
        return loss.detach().numpy(), x.grad.numpy()

    by_hand = np.log(np.exp(scores.astype("float64")).sum(1)) - scores[np.arange(shape[0]), target]
    if not options:
        kept = target != ignored
        np.testing.assert_allclose(run("float32")[0], by_hand[kept].mean(), rtol=2e-6)
    for found, expected in zip(run("float32"), run("float64")):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}], ids=str)
@pytest.mark.parametrize("shape", [(9, 70), (2, 7, 5)], ids=str)
@pytest.mark.parametrize("offset", [1e3, 1e5, -1e7])
def test_large_scores_keep_the_digits_of_the_loss(offset, shape, options, place):
    generator = np.random.default_rng(2)
    scores = (generator.standard_normal(shape) * 4 + offset).astype("float32")
    target = generator.integers(0, shape[1], (shape[0], *shape[2:]))
    weight = generator.random(shape[1]).astype("float32") + 0.5

    def run(dtype, device="cpu", compiler=None):
        x = facula.tensor(scores.astype(dtype), device=device, requires_grad=True)
        others = (facula.tensor(a, device=device) for a in (target, weight.astype(dtype)))
        loss = lambda *given: F.cross_entropy(*given, reduction="none", **options)  # noqa: E731
        out = (facula.compile(loss, backend=compiler) if compiler else loss)(x, *others)
        out.sum().backward()
        return out.detach().cpu().numpy(), x.grad.cpu().numpy()

    found = run("float32", *(("cpu", "c") if place == "c" else (place,)))
    for mine, exact in zip(found, run("float64")):
        np.testing.assert_allclose(mine, exact, rtol=5e-6, atol=2e-6)


def test_the_gradient_of_cross_entropy_compiles_without_a_scatter():
    x = facula.randn(4, 7, requires_grad=True)

    @facula.compile
    def step(y):
        x.grad = None
        F.cross_entropy(x, y, label_smoothing=0.1).backward()
        return x.grad

    y = facula.tensor([1, 2, 3, 6])
    found = step(y).clone()
    backend = facula.backends.backend_for("toy")
    gradient = facula.ops.loss.class_cross_entropy_gradient.body
    used = []
    xp = type(
        "Watched", (), {"__getattr__": lambda self, n: (used.append(n), getattr(backend, n))[1]}
    )()
    arrays = [
        backend.asarray(a) for a in (np.float32(1).reshape(()), x.detach().numpy(), y.numpy())
    ]
    log_sum = backend.asarray(np.log(np.exp(x.detach().numpy()).sum(1, keepdims=True)))
    peak = backend.asarray(np.zeros((4, 1), np.float32))
    raw = gradient(xp, *arrays, None, peak, log_sum, -100, "mean", 0.1)
    np.testing.assert_allclose(backend.to_numpy(raw), found.numpy(), rtol=1e-5, atol=1e-6)
    assert "scatter" not in used
