"""A TreeLSTM over binary trees (Tai, Socher, Manning 2015, their N-ary form): the graph is another for each tree."""

from __future__ import annotations

from typing import Any

import numpy as np

#: A leaf is the number of a word, an inner node a pair.
Tree = Any


def tree_lstm(lib: Any, vocabulary: int = 1000, width: int = 128, classes: int = 5) -> Any:
    """A list of N trees to (N, classes)."""
    nn = lib.nn

    class TreeLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.word = nn.Embedding(vocabulary, width)
            self.leaf = nn.Linear(width, 3 * width)
            self.node = nn.Linear(2 * width, 5 * width)
            self.head = nn.Linear(width, classes)

        def state(self, tree: Tree) -> tuple[Any, Any]:
            """The hidden state and the cell of a tree, (1, width) each."""
            if not isinstance(tree, tuple):
                i, o, u = self.leaf(self.word(tree)).chunk(3, 1)
                c = i.sigmoid() * u.tanh()
                return o.sigmoid() * c.tanh(), c
            (h1, c1), (h2, c2) = self.state(tree[0]), self.state(tree[1])
            i, f1, f2, o, u = self.node(lib.cat([h1, h2], 1)).chunk(5, 1)
            c = i.sigmoid() * u.tanh() + f1.sigmoid() * c1 + f2.sigmoid() * c2
            return o.sigmoid() * c.tanh(), c

        def forward(self, trees: list[Tree]) -> Any:
            return self.head(lib.cat([self.state(tree)[0] for tree in trees]))

    return TreeLSTM()


def random_tree(draws: np.random.Generator, words: list[Any]) -> Tree:
    """A tree over `words` in their order, split at random places."""
    if len(words) == 1:
        return words[0]
    at = int(draws.integers(1, len(words)))
    return random_tree(draws, words[:at]), random_tree(draws, words[at:])
