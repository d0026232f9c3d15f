"""Threads of CPU kernels: the same results with any number of them, also in a forked child."""

import os

import numpy as np
import pytest

import facula
from facula.threads import in_parts


@pytest.fixture
def threads():
    before = facula.get_num_threads()
    yield facula.set_num_threads
    facula.set_num_threads(before)


def draws(seed, count):
    facula.manual_seed(seed)
    return facula.rand(count).numpy().tobytes(), facula.randn(count).numpy().tobytes()


@pytest.mark.parametrize("count", [2**17, 2**17 + 1, 300_007])
def test_any_number_of_threads_gives_the_same_bits(threads, count):
    threads(1)
    expected = draws(3, count)
    for n in (2, 3, 5):
        threads(n)
        assert draws(3, count) == expected


def test_numbers_made_in_parts_are_numpys():
    facula.manual_seed(11)
    got = facula.rand(200_001).numpy()
    expected = np.random.Generator(np.random.Philox(key=11)).random(200_001, np.float32)
    assert (got == expected).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own(threads):
    threads(2)
    expected = draws(5, 2**18)
    child = os.fork()
    if child == 0:
        os._exit(0 if draws(5, 2**18) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_parts_cover_the_range_once(threads):
    for n in (1, 2, 7):
        threads(n)
        for count in (1, 8, 9, 100):
            parts = []
            in_parts(lambda start, end, parts=parts: parts.append((start, end)), count, 8)
            covered = sorted(i for start, end in parts for i in range(start, end))
            assert covered == list(range(count))


def test_an_error_in_a_part_is_raised(threads):
    threads(2)

    def work(start, end):
        if start:
            raise ValueError("second part")

    with pytest.raises(ValueError, match="second part"):
        in_parts(work, 100, 8)


def test_what_is_no_number_of_threads_is_refused():
    with pytest.raises(RuntimeError, match="positive"):
        facula.set_num_threads(0)
    with pytest.raises(TypeError, match="expects an int"):
        facula.set_num_threads("2")
