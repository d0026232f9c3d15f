"""A minimum cut of a network, by the algorithm of Dinic (1970)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from itertools import pairwise


class Network:
    """Nodes (anything hashable) and the capacities between them."""

    def __init__(self) -> None:
        self.left: dict[Hashable, dict[Hashable, float]] = {}  # what still fits through

    def connect(self, start: Hashable, end: Hashable, capacity: float = math.inf) -> None:
        """An edge; several between the same nodes add up."""
        there = self.left.setdefault(start, {})
        there[end] = there.get(end, 0) + capacity
        self.left.setdefault(end, {}).setdefault(start, 0)

    def reaching(self, source: Hashable, sink: Hashable) -> set[Hashable]:
        """The sink's side of the minimum cut that lies nearest to the sink. Raises ValueError where none is finite."""
        for node in (source, sink):
            self.left.setdefault(node, {})
        while True:
            distance = self._distances(sink)
            if source not in distance:
                return set(distance)
            untried = {node: list(ends) for node, ends in self.left.items()}
            while path := self._path(source, sink, distance, untried):
                self._send(path)

    def _distances(self, sink: Hashable) -> dict[Hashable, int]:
        """How far each node is from the sink along edges with room; those from which it cannot be reached are left out."""
        found, waiting = {sink: 0}, deque([sink])
        while waiting:
            end = waiting.popleft()
            for start in self.left[end]:
                if start not in found and self.left[start][end] > 0:
                    found[start] = found[end] + 1
                    waiting.append(start)
        return found

    def _path(
        self, source: Hashable, sink: Hashable, distance: dict[Hashable, int], untried: dict[Hashable, list[Hashable]]
    ) -> list[Hashable]:  # fmt: skip
        """Nodes from the source to the sink, each one step nearer; empty where there is no such path any more."""
        path = [source]
        while path and path[-1] != sink:
            node = path[-1]
            ends = untried[node]
            while ends and not (
                self.left[node][ends[-1]] > 0 and distance.get(ends[-1]) == distance[node] - 1
            ):
                ends.pop()
            if ends:
                path.append(ends[-1])
            else:
                path.pop()
                if path:
                    untried[path[-1]].pop()
        return path

    def _send(self, path: list[Hashable]) -> None:
        edges = list(pairwise(path))
        most = min(self.left[a][b] for a, b in edges)
        if most == math.inf:
            raise ValueError("no finite cut: a path from source to sink has no limit")
        for a, b in edges:
            self.left[a][b] -= most
            self.left[b][a] += most
