"""Table look-up with range checks, and its gradient by sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.errors import OutOfBoundsError

#: Where a row is used more often than this, rounds over the runs cost more than they save.
MANY = 64
#: Up to so many rows `np.add.at` is faster than a sort.
FEW = 16


def table_rows(weight: Any, indices: Any, padding: int, by_frequency: bool) -> Any:
    """Rows of a table. Raises IndexError for a row number out of range."""
    # `take` refuses numbers that are too large; negative ones it counts from the end
    if indices.size and indices.min() < 0:
        _refuse(int(indices.min()), weight)
    try:
        return weight.take(indices, 0)
    except IndexError:
        _refuse(int(indices.max()), weight)


def _refuse(bad: int, weight: Any) -> None:
    raise OutOfBoundsError(
        f"index out of range in self: {bad} is no row of a table of {len(weight)} rows"
    ) from None


def table_gradient(g: Any, indices: Any, rows: int, padding: int, by_frequency: bool) -> Any:
    """`g` (*, d) added up by row number: rows of equal number are brought together by a sort."""
    out = np.zeros((rows, g.shape[-1]), g.dtype)
    g, indices = g.reshape(indices.size, g.shape[-1]), indices.reshape(-1)
    if padding >= 0:
        kept = indices != padding
        indices, g = indices[kept], g[kept]
    if not indices.size:
        return out
    if len(indices) <= FEW and not by_frequency:
        np.add.at(out, indices, g)
        return out
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(starts, append=len(order))
    if counts.max() > MANY:
        sums = np.add.reduceat(g[order], starts, 0)
    else:
        sums = _sums_by_round(g, order, starts, counts)
    if by_frequency:
        sums /= counts[:, None].astype(g.dtype)
    out[ordered[starts]] = sums
    return out


def _sums_by_round(g: Any, order: Any, starts: Any, counts: Any) -> Any:
    """Sums of runs: the first of all runs, then the second of those that have one, ...

    `np.add.reduceat` takes ten times as long where most runs are short.
    """
    sums = g[order[starts]]
    for k in range(1, int(counts.max())):
        longer = np.flatnonzero(counts > k)
        sums[longer] += g[order[starts[longer] + k]]
    return sums


KERNELS = {"table_rows": table_rows, "table_gradient": table_gradient}
