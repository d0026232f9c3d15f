"""Random numbers: the same bits everywhere, the right distributions, streams that restore."""

from __future__ import annotations

import math
import pickle
import threading

import numpy as np
import pytest

import facula
from facula.random import Generator, Key, philox, words

stats = pytest.importorskip("scipy.stats")

DRAWS = {
    "rand": lambda: facula.rand(37),
    "rand64": lambda: facula.rand(5, 7, dtype=facula.float64),
    "rand16": lambda: facula.rand(9, dtype=facula.float16),
    "randn": lambda: facula.randn(301),
    "randn64": lambda: facula.randn(99, dtype=facula.float64),
    "randn-bfloat16": lambda: facula.randn(9, dtype=facula.bfloat16),
    "randn-complex": lambda: facula.randn(3, 3, dtype=facula.complex64),
    "randint": lambda: facula.randint(-5, 10, (37,)),
    "randint-wide": lambda: facula.randint(-(2**62), 2**62, (11,)),
    "randperm": lambda: facula.randperm(40),
    "bernoulli": lambda: facula.empty(20).bernoulli_(0.3),
    "none": lambda: facula.rand(0),
    "scalar": lambda: facula.randn(()),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_cpu_and_toy_give_the_same_bits(draw):
    results = []
    for device in ("cpu", "toy"):
        facula.manual_seed(2**63 + 12345)
        facula.rand(3)
        with facula.device(device):
            results.append(draw())
        assert results[-1].device.type == device
    a, b = (t.cpu().numpy() for t in results)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


def test_the_definition_is_numpys_philox():
    expected = np.random.Philox(key=7, counter=2**64 - 2).random_raw(12)
    assert words(Key(7, 2**64 - 2), 12, 64) == expected.tolist()
    halves = words(Key(7, 2**64 - 2), 24, 32)
    assert halves == expected.view(np.uint32).tolist()


def test_known_answers():
    """Vectors of Random123, the authors' library (kat_vectors, philox4x64 10)."""
    assert philox(0, 0) == (
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    )


def test_uniform_bits_are_those_of_the_words():
    facula.manual_seed(3)
    x = facula.rand(6)
    assert x.tolist() == [(w >> 8) * 2.0**-24 for w in words(Key(3, 0), 6, 32)]
    y = facula.rand(4, dtype=facula.float64)
    assert y.tolist() == [(w >> 11) * 2.0**-53 for w in words(Key(3, 1), 4, 64)]


def test_calls_take_whole_blocks():
    """Two calls of 10 take two blocks of 8 words each; their numbers are not those of one call of 20."""
    facula.manual_seed(1)
    a, b = facula.rand(10), facula.rand(10)
    facula.manual_seed(1)
    long = facula.rand(20)
    assert a.tolist() == long[:10].tolist()
    assert b[:4].tolist() == long[16:].tolist()


def test_an_element_depends_on_its_place_alone():
    for draw in (facula.rand, facula.randn, lambda n: facula.randint(100, (n,))):
        facula.manual_seed(5)
        short = draw(1000)
        facula.manual_seed(5)
        assert draw(70_000)[:1000].tolist() == short.tolist()


# ---- streams


def test_state_is_restored():
    state = facula.get_rng_state()
    assert state.dtype is facula.uint8
    a = facula.randn(5)
    facula.set_rng_state(state)
    assert facula.randn(5).tolist() == a.tolist()
    with pytest.raises(RuntimeError, match="24 elements"):
        facula.set_rng_state(facula.zeros(3, dtype=facula.uint8))


def test_generators_are_streams_of_their_own():
    g = Generator().manual_seed(11)
    facula.manual_seed(0)
    expected = facula.rand(3)
    facula.manual_seed(0)
    first = facula.rand(3, generator=g)
    assert facula.rand(3).tolist() == expected.tolist()
    assert g.initial_seed() == 11
    copy = pickle.loads(pickle.dumps(g))
    assert copy.get_state().tolist() == g.get_state().tolist()
    assert (
        facula.rand(3, generator=g).tolist()
        == facula.rand(3, generator=copy).tolist()
        != first.tolist()
    )
    assert g.seed() == g.initial_seed() != 11


def test_fork_restores():
    facula.manual_seed(4)
    with facula.random.fork_rng():
        facula.manual_seed(9)
        facula.rand(100)
    a = facula.rand(2)
    facula.manual_seed(4)
    assert facula.rand(2).tolist() == a.tolist()


@pytest.mark.parametrize("seed", [-1, 2**64 - 1, -(2**63)])
def test_seeds_of_64_bits(seed):
    assert facula.manual_seed(seed).initial_seed() == seed % 2**64
    facula.rand(2)


def test_seeds_beyond_are_refused():
    with pytest.raises(RuntimeError, match="64 bits"):
        facula.manual_seed(2**64)


def test_threads_never_share_numbers():
    g, drawn = Generator(), []

    def work():
        drawn.extend(tuple(facula.rand(8, generator=g).tolist()) for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(set(drawn)) == 800


# ---- distributions; the seed is fixed, so these can't fail by chance

N = 200_000


def draw(function):
    facula.manual_seed(20240229)
    return function().double().numpy()


CONTINUOUS = {
    "rand": (lambda: facula.rand(N), stats.uniform()),
    "rand64": (lambda: facula.rand(N, dtype=facula.float64), stats.uniform()),
    "randn": (lambda: facula.randn(N), stats.norm()),
    "randn64": (lambda: facula.randn(N, dtype=facula.float64), stats.norm()),
    "uniform_": (lambda: facula.empty(N).uniform_(-2, 3), stats.uniform(-2, 5)),
    "normal_": (lambda: facula.empty(N).normal_(1, 3), stats.norm(1, 3)),
    "normal": (lambda: facula.normal(facula.full((N,), 2.0), 0.5), stats.norm(2, 0.5)),
    "exponential_": (lambda: facula.empty(N).exponential_(2.0), stats.expon(scale=0.5)),
    "log_normal_": (
        lambda: facula.empty(N).log_normal_(0.5, 0.8),
        stats.lognorm(0.8, scale=math.exp(0.5)),
    ),
    "cauchy_": (lambda: facula.empty(N).cauchy_(1, 2), stats.cauchy(1, 2)),
    "randn-complex": (
        lambda: facula.view_as_real(facula.randn(N, dtype=facula.complex64)).reshape(-1),
        stats.norm(0, 0.5**0.5),
    ),
}


@pytest.mark.parametrize(("function", "expected"), CONTINUOUS.values(), ids=CONTINUOUS)
def test_continuous_distributions(function, expected):
    x = draw(function)
    assert stats.kstest(x, expected.cdf).pvalue > 1e-3
    if math.isfinite(expected.std()):
        assert abs(x.mean() - expected.mean()) < 5 * expected.std() / math.sqrt(len(x))
        assert abs(x.std() / expected.std() - 1) < 0.05


WHOLE = {
    "randint": (lambda: facula.randint(-3, 9, (N,)), stats.randint(-3, 9)),
    "bernoulli": (lambda: facula.bernoulli(facula.full((N,), 0.3)), stats.bernoulli(0.3)),
    "bernoulli_": (lambda: facula.empty(N).bernoulli_(0.7), stats.bernoulli(0.7)),
    "geometric_": (lambda: facula.empty(N).geometric_(0.4), stats.geom(0.4)),
    "poisson": (lambda: facula.poisson(facula.full((N,), 3.5)), stats.poisson(3.5)),
    "random_": (lambda: facula.empty(N, dtype=facula.int8).random_(), stats.randint(0, 128)),
    "multinomial": (lambda: facula.multinomial(facula.tensor([0.2, 0.0, 0.5, 0.3]), N, True), stats.rv_discrete(values=([0, 2, 3], [0.2, 0.5, 0.3]))),
    "race": (lambda: facula.multinomial(facula.tensor([[0.2, 0.0, 0.5, 0.3]]).expand(N, 4), 1).reshape(-1), stats.rv_discrete(values=([0, 2, 3], [0.2, 0.5, 0.3]))),
}  # fmt: skip


@pytest.mark.parametrize(("function", "expected"), WHOLE.values(), ids=WHOLE)
def test_whole_numbers(function, expected):
    values, counts = np.unique(draw(function), return_counts=True)
    chances = expected.pmf(values)
    assert (chances > 0).all()
    often = chances * N > 10
    observed = np.append(counts[often], N - counts[often].sum())
    wanted = np.append(chances[often] * N, N - chances[often].sum() * N)
    keep = wanted > 5
    observed, wanted = observed[keep], wanted[keep]
    assert stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 1e-3


def test_tails_of_the_normal():
    """Accuracy of the inversion where it is hardest, against SciPy's."""
    from facula.ops.random import DENOMINATOR_64, NUMERATOR_64, SHIFT_64

    p = np.concatenate([2.0 ** -np.arange(2.0, 53.0, 0.01), np.linspace(0.001, 0.499, 999)])
    y = 4 * p * (1 - p)
    s = y ** (1 / 16) - SHIFT_64
    z = np.polyval(NUMERATOR_64[::-1], s) / np.polyval(DENOMINATOR_64[::-1], s) * (2 * p - 1)
    np.testing.assert_allclose(z, stats.norm.ppf(p), rtol=3e-11)


def test_correlations():
    x = draw(lambda: facula.randn(N))
    for lag in (1, 2, 3, 4, 5, 7, 8, 16):
        assert abs((x[:-lag] * x[lag:]).mean()) < 4.5 / math.sqrt(N)


def test_permutations():
    facula.manual_seed(0)
    seen = {tuple(facula.randperm(3).tolist()) for _ in range(100)}
    assert len(seen) == 6
    assert sorted(facula.randperm(1000).tolist()) == list(range(1000))


def test_without_replacement_nothing_repeats():
    x = facula.multinomial(facula.rand(20, 30), 30)
    assert x.sort(-1)[0].tolist() == [list(range(30))] * 20


def test_upper_bounds_are_never_reached():
    for dtype in (facula.float16, facula.bfloat16, facula.float32):
        assert draw(lambda dtype=dtype: facula.rand(N, dtype=dtype)).max() < 1
    assert draw(lambda: facula.randint(2, (N,))).max() == 1


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda: facula.rand(2, dtype=facula.int64), "randint"),
        (lambda: facula.randint(3, 3, (2,)), "less than"),
        (lambda: facula.randint(0, 300, (2,), dtype=facula.uint8), "out of bounds"),
        (lambda: facula.randperm(-1), "non-negative"),
        (lambda: facula.empty(2).uniform_(3, 2), "range"),
        (lambda: facula.empty(2).normal_(0, -1), "std"),
        (lambda: facula.empty(2).exponential_(0), "lambda"),
        (lambda: facula.empty(2).bernoulli_(2), "p to be in"),
        (lambda: facula.empty(2, dtype=facula.int64).normal_(), "not implemented"),
        (lambda: facula.multinomial(facula.tensor([0.0, 0.0]), 1), "sum of probabilities"),
        (lambda: facula.multinomial(facula.tensor([1.0, -1.0]), 1), "element < 0"),
        (lambda: facula.multinomial(facula.ones(2), 3), "without replacement"),
        (lambda: facula.poisson(facula.tensor([-1.0])), "non-negative"),
    ],
)
def test_errors(function, match):
    with pytest.raises(RuntimeError, match=match):
        function()
