import pytest

import facula
from facula_text.models import GPT, GPTConfig, gpt


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


def generated_without_cache(model, tokens, count, **options):
    """What `generate` is to draw, with all scores made anew at each step."""
    with facula.no_grad():
        for _ in range(count):
            scores = model(tokens[:, -model.config.context :])[:, -1]
            tokens = facula.cat([tokens, gpt._draw(scores, **options)], 1)
    return tokens


def wide_awake(context):
    """A model whose scores differ, so that draws tell whether two ways see the same."""
    facula.manual_seed(0)
    model = GPT(GPTConfig(30, context, layers=2, heads=2, width=16)).eval()
    with facula.no_grad():
        for p in model.parameters():
            p.mul_(10 if p.ndim > 1 else 1)
    return model


@pytest.mark.parametrize("batch, start, count", [(1, 1, 4), (3, 5, 70), (2, 63, 3), (1, 100, 1)])
@pytest.mark.parametrize(
    "options", [{"temperature": 0}, {"temperature": 0.8, "top_k": 5}, {"temperature": 1, "top_k": None}]
)  # fmt: skip
def test_kept_keys_and_values_draw_the_same_tokens(batch, start, count, options):
    model, tokens = wide_awake(100), facula.randint(0, 30, (batch, start))
    options = {"top_k": None, **options}
    facula.manual_seed(5)
    expected = generated_without_cache(model, tokens, count, **options)
    facula.manual_seed(5)
    assert model.generate(tokens, count, **options).tolist() == expected.tolist()


@pytest.mark.parametrize("start", [3, 12, 20])
def test_generation_beyond_the_context_sees_the_last_tokens(start):
    model, tokens = wide_awake(12), facula.randint(0, 30, (2, start))
    expected = generated_without_cache(model, tokens, 15, temperature=0, top_k=None)
    assert model.generate(tokens, 15, temperature=0).tolist() == expected.tolist()


def test_a_compiled_model_has_a_program_for_each_length_of_its_cache():
    model, tokens = wide_awake(100), facula.randint(0, 30, (1, 3))
    expected = model.generate(tokens, 110, temperature=0).tolist()
    model.compile(backend="replay")
    for start in (1, 2, 3):  # the beginnings are no programs
        found = model.generate(facula.tensor(expected)[:, :start], 113 - start, temperature=0)
        assert start < 3 or found.tolist() == expected
    assert (
        model._compiled_call_impl.captures == 3
    )  # 64, 100, and the window once the text is longer


def test_generation_reads_a_token_once_and_leaves_the_mode():
    model, lengths = wide_awake(40).train(), []
    model.blocks[0].register_forward_hook(lambda m, given, out: lengths.append(out.shape[1]))
    model.generate(facula.zeros(1, 5, dtype=facula.int64), 4)
    assert lengths == [5, 1, 1, 1] and model.training
    assert model.generate(facula.zeros(1, 5, dtype=facula.int64), 0).shape == (1, 5)


class Plain(facula.nn.Module):
    """A user's own attention, which keeps nothing."""

    def forward(self, x):
        return x.cumsum(1)


def with_own_attention(model):
    model.blocks[0].attention = Plain()


def with_another_block(model):
    model.blocks.append(gpt.Block(model.config).eval())


def without_blocks(model):
    model.blocks = facula.nn.ModuleList()


def with_a_hook(model):
    model.register_forward_hook(lambda m, given, out: -out)


@pytest.mark.parametrize(
    "change", [with_own_attention, with_another_block, without_blocks, with_a_hook]
)
def test_a_model_that_was_changed_generates(change):
    model, tokens = wide_awake(20), facula.randint(0, 30, (2, 3))
    before = model(tokens)
    change(model)
    assert not facula.allclose(model(tokens), before, atol=1e-3)
    expected = generated_without_cache(model, tokens, 8, temperature=0, top_k=None)
    assert model.generate(tokens, 8, temperature=0).tolist() == expected.tolist()
