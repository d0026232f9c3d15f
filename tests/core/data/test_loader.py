"""DataLoader with real worker processes: order, failures, death, Ctrl-C, shared memory."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import facula
from facula.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)  # fmt: skip

Pair = namedtuple("Pair", "x y")


class Squares(Dataset):
    def __len__(self):
        return 23

    def __getitem__(self, i):
        return {
            "x": facula.full((3,), float(i)),
            "pair": Pair(np.arange(2) + i, i),
            "name": f"n{i}",
        }


class Failing(Squares):
    def __getitem__(self, i):
        if i == 11:
            raise KeyError("sample eleven is broken")
        return super().__getitem__(i)


class Dying(Squares):
    def __getitem__(self, i):
        if i == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(i)


class Slow(Squares):
    def __getitem__(self, i):
        time.sleep(60)


class Noise(Squares):
    def __getitem__(self, i):
        return facula.rand(2), random.random(), np.random.rand()


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, 20, step))


def blocks():
    return {p.name for p in Path("/dev/shm").iterdir()} if sys.platform == "linux" else set()


@pytest.fixture(autouse=True)
def no_shared_memory_is_left():
    before = blocks()
    yield
    assert blocks() <= before


def flat(loader):
    return [
        (b["x"].tolist(), b["pair"].x.tolist(), b["pair"].y.tolist(), b["name"]) for b in loader
    ]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_change_nothing_but_time(workers):
    def run(n):
        generator = facula.Generator().manual_seed(5)
        return flat(DataLoader(Squares(), 4, shuffle=True, num_workers=n, generator=generator))

    assert run(workers) == run(0)


def test_persistent_workers_serve_several_epochs():
    loader = DataLoader(Squares(), 4, num_workers=2, persistent_workers=True)
    first = flat(loader)
    pids = [p.pid for p in loader._workers.processes]
    assert flat(loader) == first
    assert [p.pid for p in loader._workers.processes] == pids


def test_workers_are_seeded_apart_and_the_same_again():
    def run():
        facula.manual_seed(3)
        return [
            (x.tolist(), a.tolist(), b.tolist())
            for x, a, b in DataLoader(Noise(), 4, num_workers=2)
        ]

    first = run()
    assert first == run()
    assert len({str(batch) for batch in first}) == len(first)


def test_stream_is_shared_by_its_workers():
    batches = list(DataLoader(Stream(), 3, num_workers=2))
    assert sorted(i for b in batches for i in b.tolist()) == list(range(20))
    assert [b.tolist() for b in DataLoader(Stream(), 8, drop_last=True)] == [
        list(range(8)),
        list(range(8, 16)),
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_sample_raises_its_own_exception(workers):
    with pytest.raises(KeyError) as caught:
        flat(DataLoader(Failing(), 4, num_workers=workers))
    if workers:
        text = str(caught.value)
        assert "DataLoader worker process" in text
        assert "sample eleven is broken" in text
        assert "in __getitem__" in text


def test_a_killed_worker_is_reported_within_five_seconds():
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"\(pid \d+\) is killed by signal: SIGKILL"):
        flat(DataLoader(Dying(), 4, num_workers=2))
    assert time.monotonic() - start < 5


def test_a_slow_batch_times_out():
    with pytest.raises(RuntimeError, match=r"timed out after 0\.5 seconds"):
        next(iter(DataLoader(Slow(), 2, num_workers=1, timeout=0.5)))


def test_leaving_early_ends_the_workers():
    iterator = iter(DataLoader(Squares(), 2, num_workers=2))
    next(iterator)
    processes = iterator.workers.processes
    del iterator
    assert not any(p.is_alive() for p in processes)


def test_tensors_outlive_the_loader():
    batches = [b["x"] for b in DataLoader(Squares(), 8, num_workers=1)]
    batches[0].add_(1.0)
    assert [b[:, 0].tolist() for b in batches][1] == list(map(float, range(8, 16)))


SCRIPT = """
import signal, sys, time
from facula.utils.data import DataLoader, Dataset

class Slow(Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, i):
        time.sleep(0.05)
        return i

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    for i, batch in enumerate(DataLoader(Slow(), 2, num_workers=2)):
        if i == 4:  # workers are up, and at work
            print("ready", flush=True)
"""


def gone_within(group, seconds):
    """Whether all processes of a group end in time (the resource tracker goes last)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process on Windows")
def test_ctrl_c_ends_cleanly(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, errors = process.communicate(timeout=10)
    assert errors.strip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert "leaked" not in errors
    assert gone_within(process.pid, seconds=5), "a process of the group is still there"


def test_options_that_exclude_each_other():
    with pytest.raises(ValueError, match="mutually exclusive with shuffle"):
        DataLoader(Squares(), shuffle=True, sampler=[1])
    with pytest.raises(ValueError, match="non-negative"):
        DataLoader(Squares(), num_workers=-1)
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Stream(), shuffle=True)
    with pytest.raises(ValueError, match="mutually exclusive with batch_size"):
        DataLoader(Squares(), 4, batch_sampler=BatchSampler([1], 1, False))
    with pytest.raises(RuntimeError, match="different shapes"):
        default_collate([facula.zeros(2), facula.zeros(3)])


def test_lengths():
    assert len(DataLoader(Squares(), 4)) == 6
    assert len(DataLoader(Squares(), 4, drop_last=True)) == 5
    assert [len(b["name"]) for b in DataLoader(Squares(), batch_sampler=[[1, 2], [3]])] == [2, 1]
    sample = next(iter(DataLoader(Squares(), batch_size=None)))
    assert sample["x"].tolist() == [0.0, 0.0, 0.0]


def test_datasets():
    a = TensorDataset(facula.arange(5), facula.arange(5) * 2)
    both = a + TensorDataset(facula.arange(3), facula.zeros(3))
    assert isinstance(both, ConcatDataset)
    assert len(both) == 8
    assert both[-1][0].item() == 2
    assert Subset(a, [3, 1])[0][1].item() == 6
    assert StackDataset(a, a)[2][1][0].item() == 2
    parts = random_split(range(10), [0.5, 0.3, 0.2], generator=facula.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [5, 3, 2]
    assert sorted(i for p in parts for i in p) == list(range(10))
    with pytest.raises(ValueError, match="9 and 10"):
        random_split(range(10), [4, 5])
    drawn = list(WeightedRandomSampler([0.0, 1.0, 0.0], 5))
    assert drawn == [1] * 5
