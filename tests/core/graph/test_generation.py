"""Text generation with a cache of keys and values: one program for all tokens, whatever their position."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.graph.runtime import unit
from facula.nn import functional as F

WIDTH, HEADS, LENGTH, WORDS = 16, 2, 12, 11


def has_compiler():
    try:
        return bool(unit.compiler())
    except unit.CompilerMissing:
        return False


class Attention(nn.Module):
    """Attention to what came before, which lies in buffers: written in place, at a position that is a tensor."""

    def __init__(self, writes):
        super().__init__()
        self.qkv, self.out, self.writes = (
            nn.Linear(WIDTH, 3 * WIDTH),
            nn.Linear(WIDTH, WIDTH),
            writes,
        )
        for name in ("keys", "values"):
            cache = facula.zeros(1, HEADS, LENGTH, WIDTH // HEADS)
            self.register_buffer(name, cache, persistent=False)

    def forward(self, x, position=None):
        q, k, v = (p.unflatten(-1, (HEADS, -1)).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
        if position is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            self.store(position, k, v)
            seen = facula.arange(LENGTH) <= position
            mixed = F.scaled_dot_product_attention(
                q, self.keys, self.values, attn_mask=seen[None, None, None]
            )
        return self.out(mixed.transpose(1, 2).flatten(2))

    def store(self, position, k, v):
        if self.writes == "index_copy_":
            self.keys.index_copy_(2, position, k)
            self.values.index_copy_(2, position, v)
        elif self.writes == "assignment":
            self.keys[:, :, position] = k
            self.values[:, :, position] = v
        else:
            at = position.view(1, 1, 1, 1).expand_as(k)
            self.keys.scatter_(2, at, k)
            self.values.scatter_(2, at, v)


class GPT(nn.Module):
    def __init__(self, writes):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.parts = nn.ModuleList([nn.ModuleList([nn.LayerNorm(WIDTH), Attention(writes)]) for _ in range(2)])  # fmt: skip
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, tokens, position=None):
        places = facula.arange(tokens.shape[1]) if position is None else position
        x = self.words(tokens) + self.places(places)
        for norm, attention in self.parts:
            x = x + attention(norm(x), position)
        return self.head(x)


def generate(model, step, count):
    """Greedy: `count` tokens after the first, and the logits that each was chosen by."""
    token, tokens, rows = facula.tensor([[1]]), [1], []
    for i in range(count):
        logits = step(token, facula.tensor([i]))[:, -1]
        token = logits.argmax(-1, keepdim=True)
        rows.append(logits[0].numpy())
        tokens.append(token.item())
    return tokens, np.stack(rows)


@pytest.mark.parametrize("writes", ["index_copy_", "assignment", "scatter_"])
@pytest.mark.parametrize("backend", [None, "c"])
def test_token_by_token_equals_the_uncached_forward_with_one_program(writes, backend):
    if backend == "c" and not has_compiler():
        pytest.skip("there is no C compiler")
    facula.manual_seed(5)
    model = GPT(writes).eval()
    compiled = facula.compile(model, backend=backend)
    with facula.no_grad():
        tokens, rows = generate(model, compiled, LENGTH - 1)
        whole = model(facula.tensor([tokens[:-1]]))[0].numpy()
    np.testing.assert_allclose(rows, whole, rtol=2e-5, atol=2e-6)
    assert whole.argmax(-1).tolist() == tokens[1:]
    assert compiled.compiled.captures == 1
    (found,) = compiled.compiled.programs.values()
    code = found[0][1].code
    assert code is not None or backend is None
    # keys and values are written where they are
    cache = model.parts[0][1].keys
    array = cache._array
    with facula.no_grad():
        compiled(facula.tensor([[2]]), facula.tensor([0]))
    assert cache._array is array


def test_a_whole_generation_loop_is_one_program():
    facula.manual_seed(5)
    model = GPT("index_copy_").eval()

    @facula.compile
    def write(start):
        def step(carry, i):
            logits = model(carry, i.view(1))[:, -1]
            token = logits.argmax(-1, keepdim=True)
            return token, token[0, 0]

        tokens = []
        token = start
        for i in range(LENGTH - 1):
            token, word = step(token, facula.tensor(i))
            tokens.append(word)
        return facula.stack(tokens)

    with facula.no_grad():
        expected, _ = generate(model, model, LENGTH - 1)
        assert write(facula.tensor([[1]])).tolist() == expected[1:]
        assert write(facula.tensor([[1]])).tolist() == expected[1:]
    assert write.captures == 1
