"""Byte-pair encoding, by the library `tokenizers`.

Source: Sennrich et al. 2016, "Neural machine translation of rare words with subword units"; on bytes,
as in Radford et al. 2019.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


class BPETokenizer:
    """Byte-level BPE: any text can be encoded, and decoding gives it back exactly.

    Make one with `BPETokenizer.train(texts, vocab_size)` or `BPETokenizer.load(path)`.
    """

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int, special_tokens: Iterable[str] = ()
    ) -> BPETokenizer:
        """Learns merges until there are `vocab_size` tokens, of which 256 are the bytes."""
        special = list(special_tokens)
        if vocab_size < 256 + len(special):
            raise ValueError(
                f"vocab_size must be at least {256 + len(special)} (256 bytes and the special tokens), got {vocab_size}"
            )
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, special_tokens=special, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )  # fmt: skip
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: str | Path) -> BPETokenizer:
        """Reads a `tokenizer.json`. Raises FileNotFoundError or ValueError naming the file."""
        if not Path(path).exists():
            raise FileNotFoundError(f"no tokenizer file {path}")
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:
            raise ValueError(f"{path}: no tokenizer file: {error}") from None

    def save(self, path: str | Path) -> None:
        """Writes a `tokenizer.json`, as the library and its users read it."""
        self._tokenizer.save(str(path))

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.get_vocab_size()  # type: ignore[no-any-return]

    def encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text).ids  # type: ignore[no-any-return]

    def decode(self, tokens: Iterable[int]) -> str:
        return self._tokenizer.decode([int(t) for t in tokens], skip_special_tokens=False)  # type: ignore[no-any-return]
