"""How many threads kernels on the CPU use, and the pool that NumPy-based kernels share.

NumPy runs a kernel on one thread. Kernels whose work splits into independent parts hand these to
`in_parts`: NumPy lets go of the interpreter lock within its loops, so the parts do run at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_threads: int | None = None
#: That the pool of generated C can have (`MOST_THREADS` of graph/runtime/pool.c).
MOST = 255
#: Called with the number when it is set: other pools follow it.
listeners: list[Callable[[int], None]] = []
#: The executor, and the process that made it: a fork copies the object but not its threads.
_pool: tuple[int, Any] | None = None


def get_num_threads() -> int:
    """Threads that CPU kernels may use: OMP_NUM_THREADS, else the cores this process may run on."""
    global _threads
    if _threads is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        _threads = min(int(given) if given.isdigit() and int(given) > 0 else _cores(), MOST)
    return _threads


def set_num_threads(threads: int) -> None:
    """Sets it, to 255 at most, for the BLAS as well where threadpoolctl is installed.

    Raises TypeError for what is no int, RuntimeError for fewer than one.
    """
    global _threads
    if not isinstance(threads, int) or isinstance(threads, bool):
        raise TypeError(f"set_num_threads expects an int, but got {type(threads).__name__}")
    if threads < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {threads}")
    _threads = threads = min(threads, MOST)
    for listener in listeners:
        listener(threads)
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:
        return
    threadpool_limits(threads, user_api="blas")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_parts(work: Callable[[int, int], None], count: int, multiple: int) -> None:
    """Calls `work(start, end)` for parts of `range(count)`, one a thread; inner ends are multiples of `multiple`."""
    threads = get_num_threads()
    step = -(-count // (threads * multiple)) * multiple
    starts = range(step, count, step)
    running = [_executor(threads).submit(work, s, min(s + step, count)) for s in starts]
    work(0, min(step, count))
    for part in running:
        part.result()


def _executor(threads: int) -> Any:
    global _pool
    process = os.getpid()
    if _pool is None or _pool[0] != process or _pool[1]._max_workers < threads - 1:
        from concurrent.futures import ThreadPoolExecutor

        _pool = process, ThreadPoolExecutor(threads - 1, "facula")
    return _pool[1]
