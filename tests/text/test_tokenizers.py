import pytest

from facula_text import BPETokenizer, CharTokenizer, TokenDataset

TEXT = "the quick brown fox jumps over the lazy dog; the end — naïve café 你好\n" * 20


def test_characters_round_trip():
    tokenizer = CharTokenizer(TEXT)
    assert tokenizer.decode(tokenizer.encode(TEXT)) == TEXT
    assert tokenizer.vocab_size == len(set(TEXT))
    with pytest.raises(ValueError, match="character 'Q' at position 1"):
        tokenizer.encode("eQ")
    with pytest.raises(ValueError, match="outside the vocabulary"):
        tokenizer.decode([1000])


def test_byte_pairs_round_trip_any_text_and_shorten_known_text(tmp_path):
    tokenizer = BPETokenizer.train([TEXT], 300)
    assert tokenizer.vocab_size == 300
    unseen = "Ωmega, the 🦊 — ünknown"
    assert tokenizer.decode(tokenizer.encode(unseen)) == unseen
    assert len(tokenizer.encode(TEXT)) < len(TEXT) / 2
    tokenizer.save(tmp_path / "t.json")
    assert BPETokenizer.load(tmp_path / "t.json").encode(TEXT) == tokenizer.encode(TEXT)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match=r"bad\.json"):
        BPETokenizer.load(tmp_path / "bad.json")
    with pytest.raises(ValueError, match="at least 256"):
        BPETokenizer.train([TEXT], 10)


def test_windows_are_followed_by_what_comes_next():
    data = TokenDataset(range(10), 4, stride=2)
    assert [(x.tolist(), y.tolist()) for x, y in (data[i] for i in range(len(data)))] == [
        ([0, 1, 2, 3], [1, 2, 3, 4]),
        ([2, 3, 4, 5], [3, 4, 5, 6]),
        ([4, 5, 6, 7], [5, 6, 7, 8]),
    ]
    with pytest.raises(IndexError):
        data[3]
    with pytest.raises(ValueError, match="not enough"):
        TokenDataset(range(4), 4)
