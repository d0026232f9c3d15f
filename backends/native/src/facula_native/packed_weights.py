"""Weights of convolutions as oneDNN wants them, kept while no gradients are recorded: making them takes as long as the convolution.

A kernel sees arrays and not their versions, so it takes a number of the values (`hash_words`) to know whether they
have changed: that reads them once, where bringing them into order reads and writes several times as much.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from facula import threads

#: Weights of fewer elements are brought into order at each call.
LEAST = 1 << 14
#: Bytes that are kept at most; what was used longest ago goes first.
MOST = 1 << 28


class _Kept(NamedTuple):
    number: int
    packed: Any
    owner: Any  # a weak reference: packed weights go with the weights


_kept: OrderedDict[Any, _Kept] = OrderedDict()
_lock = Lock()


@lru_cache(maxsize=512)
def _plans(geometry: Any, bias: bool, count: int) -> Any:
    """The convolution of packed weights, what packs them, and how many bytes they take; None where they stay as they are."""
    from facula.graph.runtime import convolution

    plan = convolution.forward(geometry, count, bias, packed=True)
    if convolution.is_plain(geometry, plan.layout):
        return None
    packing = convolution.packing(geometry, count, plan.layout)
    runners = (x.runner(convolution.SLOTS) for x in (plan, packing))
    return *runners, plan.layout.nbytes, plan.workspace


def of(plan: Any, weight: Any, geometry: Any, bias: bool) -> tuple[Any, Any]:
    """(plan, weights) to convolve with: packed ones, or those given."""
    from facula.graph.runtime import shared_library

    count = threads.get_num_threads()
    plans = _plans(geometry, bias, count)
    if plans is None or plans[2] > MOST // 4:
        return plan, weight
    run, packs, nbytes, workspace = plans
    start = weight.__array_interface__["data"][0]
    number = shared_library().hash_words(start, weight.size, count)
    key = start, geometry, count
    with _lock:
        kept = _kept.get(key)
        if kept is not None and kept.number == number:
            _kept.move_to_end(key)
            return (run, workspace), kept.packed
    packed = np.empty(nbytes // 4 + 16, np.float32)
    packed = packed[-packed.__array_interface__["data"][0] % 64 // 4 :]
    packs(count, 0, start, 0, packed.__array_interface__["data"][0], 0, 0)
    owner = weakref.ref(weight, lambda _: _kept.pop(key, None))
    with _lock:
        _kept[key] = _Kept(number, packed, owner)
        _kept.move_to_end(key)
        while sum(k.packed.nbytes for k in list(_kept.values())) > MOST:
            _kept.popitem(last=False)
    return (run, workspace), packed
