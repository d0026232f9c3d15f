"""DataLoader: batches of a data set, made here or in worker processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

from facula.data.collate import default_collate, default_convert
from facula.data.dataset import IterableDataset
from facula.data.pin_memory import can_pin, pin_memory
from facula.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from facula.data.transport import Packed, discard, unpack
from facula.data.worker import Fetcher, StreamEnded, WorkerFailure, run_worker

_JOIN_SECONDS = 2.0


class DataLoader:
    """Iterates over a data set in batches, with PyTorch's arguments.

    With `num_workers` > 0 processes make the batches, `prefetch_factor` each ahead of need, and send
    tensors through shared memory; order and contents are the same for any number of workers (of a
    data set with indices). With `pin_memory` batches come in page-locked memory of the accelerator, or of
    `pin_memory_device`. Worker i is seeded with a base seed from the generator, plus i.

    Raises in the main process what a worker raised, with its traceback; RuntimeError naming pid and
    signal where a worker dies.

    >>> data = facula.utils.data.TensorDataset(facula.arange(5))
    >>> [batch[0].tolist() for batch in facula.utils.data.DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_options(num_workers, timeout, prefetch_factor, persistent_workers)
        is_stream = isinstance(dataset, IterableDataset)
        if is_stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle, sampler and batch_sampler options"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (
            batch_size != 1 or shuffle or sampler is not None or drop_last
        ):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        self.dataset, self.num_workers, self.timeout = dataset, num_workers, timeout
        self.worker_init_fn, self.generator, self.drop_last = worker_init_fn, generator, drop_last
        self.pin_memory, self.pin_memory_device, self.in_order = (
            pin_memory,
            pin_memory_device,
            in_order,
        )
        self.persistent_workers = persistent_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.multiprocessing_context = multiprocessing_context
        if batch_sampler is not None:
            batch_size = None
        elif sampler is None:
            sampler = (
                _Forever()
                if is_stream
                else RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        self.batch_size, self.sampler = batch_size, sampler
        self.batch_sampler = batch_sampler
        if batch_size is not None:
            self.batch_sampler = BatchSampler(sampler, batch_size, drop_last and not is_stream)  # type: ignore[arg-type]
        self.collate_fn = collate_fn or (
            default_collate if self._auto_collation else default_convert
        )
        self._workers: _Workers | None = None

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    @property
    def _fetcher_args(self) -> tuple[Any, ...]:
        return self.dataset, self._auto_collation, self.collate_fn, self.drop_last

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self._index_sampler)

    def __iter__(self) -> Iterator[Any]:
        batches = self._batches()
        if self.pin_memory and can_pin(self.pin_memory_device):
            return (pin_memory(batch, self.pin_memory_device) for batch in batches)
        return batches

    def _batches(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return self._iterate_here()
        workers = self._workers
        if workers is None or not workers.is_reusable:
            workers = _Workers(self)
        if self.persistent_workers:
            self._workers = workers
        return workers.epoch(self._base_seed())

    def _base_seed(self) -> int:
        import facula

        return int(facula.randint(2**62, (), generator=self.generator, device="cpu").item())

    def _iterate_here(self) -> Iterator[Any]:
        self._base_seed()  # so that what is drawn afterwards is the same with and without workers
        fetcher = Fetcher(*self._fetcher_args)
        for index in self._index_sampler:
            try:
                batch = fetcher.fetch(index)
            except StopIteration:
                return
            yield batch


class _Forever:
    """Indices without end, for streams."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _check_options(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. Let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError("prefetch_factor option should be positive")
    if persistent and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


class _Workers:
    """The worker processes of a loader, and what is under way in them.

    Each has a pipe of its own both ways: the death of one blocks nobody, and is seen at once.
    """

    def __init__(self, loader: DataLoader):
        self.loader = loader
        self.busy = False
        context = loader.multiprocessing_context
        if not hasattr(context, "Process"):
            context = multiprocessing.get_context(
                context or ("fork" if sys.platform == "linux" else None)
            )
        resource_tracker.ensure_running()  # one for all: a worker's own would free blocks under way
        self.processes, self.tasks, self.results = [], [], []
        for i in range(loader.num_workers):
            tasks_out, tasks_in = context.Pipe(duplex=False)
            results_out, results_in = context.Pipe(duplex=False)
            arguments = (
                i,
                loader.num_workers,
                loader._fetcher_args,
                loader.worker_init_fn,
                tasks_out,
                results_in,
                os.getpid(),
            )
            process = context.Process(target=run_worker, args=arguments, daemon=True)
            process.start()
            tasks_out.close()
            results_in.close()
            self.processes.append(process)
            self.tasks.append(tasks_in)
            self.results.append(results_out)
        self._close = weakref.finalize(self, _shut_down, self.processes, self.tasks, self.results)

    @property
    def is_reusable(self) -> bool:
        return not self.busy and self._close.alive and all(p.is_alive() for p in self.processes)

    def epoch(self, seed: int) -> Iterator[Any]:
        self.busy = True
        for tasks in self.tasks:
            tasks.send(("epoch", seed))
        return _Epoch(self)

    def stop(self) -> None:
        self._close()


def _shut_down(processes: list[Any], tasks: list[Any], results: list[Any]) -> None:
    for pipe in tasks:
        try:
            pipe.send(None)
        except (OSError, ValueError):
            pass
    for process, pipe in zip(processes, results):
        _drain(process, pipe)
        if process.is_alive():
            process.terminate()
        process.join(_JOIN_SECONDS)
    for pipe in (*tasks, *results):
        pipe.close()


def _drain(process: Any, pipe: Any) -> None:
    """Takes what a worker still sends, or it would wait for a reader; frees the shared memory."""
    end = time.monotonic() + _JOIN_SECONDS
    try:
        while (process.is_alive() and time.monotonic() < end) or pipe.poll():
            if not pipe.poll(0.02):
                continue
            _, value = pipe.recv()
            if isinstance(value, Packed):
                discard(value)
    except (EOFError, OSError, FileNotFoundError):
        pass


class _Epoch:
    """One pass over the data: tasks go round the workers, batches come back in order."""

    def __init__(self, workers: _Workers):
        self.workers, self.loader = workers, workers.loader
        self.indices = iter(self.loader._index_sampler)
        self.sent, self.wanted = 0, 0
        self.owner: dict[int, int] = {}  # task number -> worker
        self.ready: dict[int, Any] = {}
        self.live = list(range(self.loader.num_workers))
        self.turn = 0
        for _ in range((self.loader.prefetch_factor or 2) * self.loader.num_workers):
            self._send_task()

    def __iter__(self) -> _Epoch:
        return self

    def _send_task(self) -> None:
        if not self.live:
            return
        try:
            index = next(self.indices)
        except StopIteration:
            return
        worker = self.live[self.turn % len(self.live)]
        self.turn += 1
        self.owner[self.sent] = worker
        try:
            self.workers.tasks[worker].send((self.sent, index))
        except OSError:
            pass  # it died; waiting for its result will say so
        self.sent += 1

    def __next__(self) -> Any:
        while self.wanted < self.sent:
            number = self.wanted
            if not self.loader.in_order and self.ready:
                number = next(iter(self.ready))
            elif number not in self.ready and number in self.owner:
                self._receive()
                continue
            value = self.ready.pop(number, None)
            if number == self.wanted:
                self.wanted += 1
            if value is None:
                continue
            if isinstance(value, StreamEnded):
                continue
            if isinstance(value, WorkerFailure):
                self.close()
                value.reraise()
            self._send_task()
            return unpack(value)
        self._finish()
        raise StopIteration

    def _receive(self) -> None:
        """Waits for any worker's result; sees at once when one has died."""
        workers = self.workers
        sentinels = {p.sentinel: i for i, p in enumerate(workers.processes)}
        try:
            found = wait([*workers.results, *sentinels], self.loader.timeout or None)
        except KeyboardInterrupt:
            self.close()
            raise
        if not found:
            self.close()
            raise RuntimeError(f"DataLoader timed out after {self.loader.timeout} seconds")
        source: Any
        for source in found:
            if source in sentinels:
                continue
            try:
                number, value = source.recv()
            except (EOFError, OSError):
                continue
            worker = self.owner.pop(number, None)
            self.ready[number] = value
            if isinstance(value, StreamEnded) and worker in self.live:
                self.live.remove(worker)
            return
        self._report_death([sentinels[s] for s in found if s in sentinels])

    def _report_death(self, dead: list[int]) -> None:
        processes = [self.workers.processes[i] for i in dead] or [
            p for p in self.workers.processes if not p.is_alive()
        ]
        for process in processes:
            process.join(1)
        what = ", ".join(f"(pid {p.pid}) {_ending(p.exitcode)}" for p in processes)
        self.close()
        raise RuntimeError(
            f"DataLoader worker {what}; see whether memory ran out, or run with num_workers=0 to find the cause"
        )

    def _finish(self) -> None:
        self.workers.busy = False
        if not self.loader.persistent_workers:
            self.workers.stop()

    def close(self) -> None:
        """Ends the workers, and frees batches that nobody took."""
        for value in self.ready.values():
            if isinstance(value, Packed):
                discard(value)
        self.ready.clear()
        self.workers.stop()

    def __del__(self) -> None:
        if self.wanted < self.sent or self.ready:
            self.close()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"is killed by signal: {signal.Signals(-code).name}"
    return f"exited unexpectedly with exit code {code}"
