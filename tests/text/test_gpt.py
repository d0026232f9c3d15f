import pytest

import facula
from facula_text.models import GPT, GPTConfig


def test_a_position_sees_only_what_is_before_it():
    facula.manual_seed(0)
    model = GPT(GPTConfig(11, context=8, layers=2, heads=2, width=16)).eval()
    tokens = facula.randint(0, 11, (2, 8))
    changed = tokens.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    a, b = model(tokens), model(changed)
    assert facula.allclose(a[:, :5], b[:, :5], atol=1e-6)
    assert not facula.allclose(a[:, 5:], b[:, 5:], atol=1e-3)


def test_it_learns_a_sequence_by_heart():
    facula.manual_seed(0)
    model = GPT(GPTConfig(10, context=10, layers=1, heads=2, width=32))
    tokens = facula.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]])
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        loss = facula.nn.functional.cross_entropy(model(tokens[:, :-1])[0], tokens[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model.generate(tokens[:, :1], 9, temperature=0).tolist() == tokens.tolist()
    assert model.generate(tokens[:, :1], 3, top_k=1).tolist() == tokens[:, :4].tolist()


def test_too_long_a_text_is_refused():
    with pytest.raises(ValueError, match="9 tokens are more than its context of 8"):
        GPT(GPTConfig(5, context=8, layers=1, heads=1, width=8))(
            facula.zeros(1, 9, dtype=facula.int64)
        )
