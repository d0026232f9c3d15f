"""Characters as tokens."""

from __future__ import annotations

from collections.abc import Iterable


class CharTokenizer:
    """One token a character: the characters of a text, sorted, are numbered from 0.

    >>> tokenizer = CharTokenizer("hello")
    >>> tokenizer.encode("hole"), tokenizer.decode([1, 0, 2])
    ([1, 3, 2, 0], 'hel')
    """

    def __init__(self, text: Iterable[str]):
        self.characters = sorted(set("".join(text)))
        self._number = {c: i for i, c in enumerate(self.characters)}

    @property
    def vocab_size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """The numbers of the characters. Raises ValueError naming a character that is not known."""
        try:
            return [self._number[c] for c in text]
        except KeyError as error:
            at = text.index(error.args[0])
            raise ValueError(
                f"character {error.args[0]!r} at position {at} is not in the vocabulary of {self.vocab_size}"
            ) from None

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of the tokens. Raises ValueError for a number outside the vocabulary."""
        out = []
        for token in tokens:
            if not 0 <= int(token) < len(self.characters):
                raise ValueError(
                    f"token {int(token)} is outside the vocabulary of {self.vocab_size}"
                )
            out.append(self.characters[int(token)])
        return "".join(out)
