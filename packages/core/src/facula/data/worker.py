"""What runs in a worker process of a DataLoader."""

from __future__ import annotations

import os
import random
import signal
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from facula.data.dataset import IterableDataset
from facula.data.transport import Packed, pack

_ORPHAN_CHECK_SECONDS = 2.0


@dataclass
class WorkerInfo:
    """What `get_worker_info()` returns in a worker: its number, how many there are, seed, data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader: who it is; elsewhere None."""
    return _info


class WorkerFailure:
    """An exception on its way to the main process, with the worker's traceback as text."""

    def __init__(self, error: BaseException, worker_id: int):
        self.type = type(error)
        self.args = error.args
        self.text = traceback.format_exc()
        self.worker_id = worker_id

    def reraise(self) -> None:
        """Raises the worker's exception again, its traceback in the message."""
        message = f"Caught {self.type.__name__} in DataLoader worker process {self.worker_id}.\nOriginal {self.text}"
        try:
            error = self.type(message)
        except Exception:  # its constructor wants something else
            error = RuntimeError(message)
        raise error


@dataclass
class Fetcher:
    """Makes batches from indices (or, for a stream, from however many samples come next)."""

    dataset: Any
    auto_collation: bool
    collate_fn: Any
    drop_last: bool

    def __post_init__(self) -> None:
        self.stream = iter(self.dataset) if isinstance(self.dataset, IterableDataset) else None

    def fetch(self, index: Any) -> Any:
        if self.stream is not None:
            return self._fetch_stream(index)
        if not self.auto_collation:
            return self.collate_fn(self.dataset[index])
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.collate_fn(self.dataset.__getitems__(index))
        return self.collate_fn([self.dataset[i] for i in index])

    def _fetch_stream(self, index: Any) -> Any:
        assert self.stream is not None
        if not self.auto_collation:
            return self.collate_fn(next(self.stream))
        batch = [sample for _, sample in zip(index, self.stream)]
        if not batch or (self.drop_last and len(batch) < len(index)):
            raise StopIteration
        return self.collate_fn(batch)


class StreamEnded:
    """Says that a worker's stream has no more samples."""


def run_worker(
    worker_id: int,
    num_workers: int,
    fetcher_args: tuple[Any, ...],
    init_fn: Any,
    tasks: Any,
    results: Any,
    parent: int,
) -> None:
    """Serves `(task number, index)` pairs until None comes or the parent is gone."""
    global _info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fetcher: Any = None
    failure: WorkerFailure | None = None
    while True:
        if not tasks.poll(_ORPHAN_CHECK_SECONDS):
            if os.getppid() != parent:
                return
            continue
        try:
            task = tasks.recv()
        except (EOFError, OSError):
            return
        if task is None:
            return
        if task[0] == "epoch":
            seed = task[1] + worker_id
            _info = WorkerInfo(worker_id, num_workers, seed, fetcher_args[0])
            try:
                _seed_all(seed)
                if init_fn is not None and fetcher is None:
                    init_fn(worker_id)
                fetcher, failure = Fetcher(*fetcher_args), None
            except Exception as error:
                failure = WorkerFailure(error, worker_id)
            continue
        number, index = task
        _send(results, number, failure or _fetch(fetcher, index, worker_id), worker_id)


def _fetch(fetcher: Fetcher, index: Any, worker_id: int) -> Any:
    try:
        return pack(fetcher.fetch(index))
    except StopIteration:
        return StreamEnded()
    except Exception as error:
        return WorkerFailure(error, worker_id)


def _send(
    results: Any, number: int, value: Packed | WorkerFailure | StreamEnded, worker_id: int
) -> None:
    try:
        results.send((number, value))
    except (BrokenPipeError, ConnectionError):
        os._exit(0)
    except Exception as error:  # the batch (or the exception's class) cannot be pickled
        results.send(
            (
                number,
                WorkerFailure(
                    RuntimeError(f"a batch can't be sent to the main process: {error}"), worker_id
                ),
            )
        )


def _seed_all(seed: int) -> None:
    import facula

    random.seed(seed)
    np.random.seed(seed % 2**32)
    facula.manual_seed(seed)
