"""Cross entropy and its gradient against float64, by its definition with one-hot targets; rows, images, any integer dtype."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import activation, loss

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(3)
#: Shapes of scores (N, C, *): rows, a lane's rest, two classes, images with a tile's rest, more dimensions.
SHAPES = [(60, 2100), (5, 37), (9, 2), (1, 33), (3, 21, 9, 11), (2, 70, 65), (2, 3, 2, 2, 3)]
#: (whether classes have weights, number that is ignored, smoothing)
OPTIONS = [(False, -100, 0.0), (True, -100, 0.0), (True, 0, 0.2), (False, 0, 0.1)]


def kernel(name):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return (loss.WRAPPERS | activation.WRAPPERS)[name](backend, below)


forward, gradient = kernel("class_cross_entropy"), kernel("class_cross_entropy_gradient")


def inputs(shape, weighted=False, dtype=np.int64):
    x = random.normal(0, 3, shape).astype(np.float32)
    target = random.integers(0, min(shape[1], 100), (shape[0], *shape[2:])).astype(dtype)
    weight = random.random(shape[1]).astype(np.float32) + 0.5 if weighted else None
    return x, target, weight


def defined(x, target, weight, ignore_index, smoothing):
    """(loss of each target, its weight, the losses' slopes by the scores of their place), in float64 with classes last."""
    x = np.moveaxis(x.astype(np.float64), 1, -1)
    classes = x.shape[-1]
    w = np.ones(classes) if weight is None else weight.astype(np.float64)
    counts = target != ignore_index
    hot = np.eye(classes)[np.where(counts, target, 0)]
    shares = (hot * (1 - smoothing) + smoothing / classes) * w * counts[..., None]
    e = np.exp(x - x.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    slopes = p * shares.sum(-1, keepdims=True) - shares
    return -(shares * np.log(p)).sum(-1), (hot * w).sum(-1) * counts, slopes


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("weighted", "ignore_index", "smoothing"), OPTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients(shape, weighted, ignore_index, smoothing, reduction):
    x, target, weight = inputs(shape, weighted)
    if ignore_index < 0:
        target.reshape(-1)[1::3] = ignore_index  # out of the classes' range
    each, weights, slopes = defined(x, target, weight, ignore_index, smoothing)
    got, *sums = forward(x, target, weight, ignore_index, reduction, smoothing)
    below = weights.sum() if reduction == "mean" else 1.0
    expected = each if reduction == "none" else each.sum() / below
    assert got.dtype == np.float32 and got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6)
    assert sums[0].shape == sums[1].shape == (shape[0], 1, *shape[2:])
    g = random.normal(size=got.shape).astype(np.float32)
    out = gradient(g, x, target, weight, *sums, ignore_index, reduction, smoothing)
    expected = np.moveaxis(slopes * (g[..., None] / below), -1, 1)
    assert out.shape == shape
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-6 * abs(expected).max())


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "u4"])
def test_class_numbers_of_every_integer_dtype_and_with_gaps(dtype):
    x, target, weight = inputs((6, 5, 8), True, dtype)
    turned = np.asfortranarray(x)
    for scores, goal in ((turned, target), (x[:, :, ::2], target[:, ::2]), (x, target[:, ::-1])):
        each, _, slopes = defined(scores, goal, weight, 2, 0.0)
        got, *sums = forward(scores, goal, weight, 2, "none", 0.0)
        np.testing.assert_allclose(got, each, rtol=2e-6, atol=2e-6)
        g = np.broadcast_to(np.float32(2), got.shape)
        out = gradient(g, scores, goal, weight, *sums, 2, "none", 0.0)
        np.testing.assert_allclose(out, 2 * np.moveaxis(slopes, -1, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(4, 40), (1, 40, 4)])
def test_special_values_stay_in_their_place(shape, smoothing):
    x, target, _ = inputs(shape)
    places = x if len(shape) == 2 else x[0].T
    places[0, 3], places[1, 3], places[2, 3] = np.nan, np.inf, -np.inf
    target.reshape(-1)[:] = 7
    each, *sums = forward(x, target, None, -100, "none", smoothing)
    g = np.ones(target.shape, np.float32)
    out = gradient(g, x, target, None, *sums, -100, "none", smoothing)
    losses, slopes = each.reshape(-1), out if len(shape) == 2 else out[0].T
    assert np.isnan(losses[:2]).all() and np.isnan(slopes[:2]).all()
    assert np.isfinite(losses[2]) if smoothing == 0 else losses[2] == np.inf
    assert np.isfinite(losses[3]) and np.isfinite(slopes[2:]).all()


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3)])
def test_what_is_ignored_counts_nothing(shape):
    x, target, _ = inputs(shape)
    x[0, 0] = np.nan
    target[:] = -100
    each, *sums = forward(x, target, None, -100, "none", 0.0)
    np.testing.assert_array_equal(each, 0)
    assert np.isnan(forward(x, target, None, -100, "mean", 0.0)[0])
    assert forward(x, target, None, -100, "sum", 0.3)[0] == 0
    out = gradient(np.float32(1), x, target, None, *sums, -100, "sum", 0.3)
    np.testing.assert_array_equal(out[1:], 0)


def test_many_losses_of_one_sign_keep_their_digits():
    x, target, _ = inputs((200_003, 2))
    expected = defined(x, target, None, -100, 0.0)[0].mean()
    np.testing.assert_allclose(forward(x, target, None, -100, "mean", 0.0)[0], expected, rtol=3e-7)


@pytest.mark.parametrize("shape", [(500, 333), (3, 7, 1000)])
def test_the_number_of_threads_changes_no_bit(shape):
    before, found = facula.get_num_threads(), []
    x, target, weight = inputs(shape, True)
    for threads in (1, 2, 5):
        facula.set_num_threads(threads)
        total, *sums = forward(x, target, weight, 1, "mean", 0.1)
        out = gradient(total, x, target, weight, *sums, 1, "mean", 0.1)
        found.append(total.tobytes() + b"".join(x.tobytes() for x in sums) + out.tobytes())
    facula.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("bad", [4, -1, -101, 1 << 40])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5)])
def test_a_class_that_does_not_exist_is_an_error(shape, bad):
    x = facula.ones(*shape, requires_grad=True)
    target = facula.zeros(shape[0], *shape[2:], dtype=facula.int64)
    target[-1] = bad
    with pytest.raises(IndexError, match=rf"Target {bad} is out of bounds: there are 4 classes"):
        facula.nn.functional.cross_entropy(x, target)


def test_what_it_leaves_to_numpy():
    asked = []
    run = loss.WRAPPERS["class_cross_entropy"](backend, lambda *args: asked.append(args))
    x, target, weight = inputs((3, 4), True)
    run(x.astype(np.float64), target, weight, 0, "mean", 0.0)
    run(x, target, weight.astype(np.float64), 0, "mean", 0.0)
    run(x, target.astype(np.uint64), weight, 0, "mean", 0.0)
    run(x[:0], target[:0], weight, 0, "mean", 0.0)
    assert len(asked) == 4


def test_two_classes_by_one_score():
    x = random.normal(0, 9, (70, 90)).astype(np.float32)
    x[0, :6] = np.nan, np.inf, -np.inf, 0.0, 100.0, -100.0
    target = random.random(x.shape).astype(np.float32)
    target[0] = 1.0
    for a, b in ((x, target), (x.T, target.T), (x[::2, ::-1], target[::2, ::-1])):
        got = kernel("logistic_nll")(a, b, None)
        with np.errstate(invalid="ignore"):
            expected = (1 - b.astype(np.float64)) * a + np.logaddexp(0, -a.astype(np.float64))
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)
    assert got.dtype == np.float32
