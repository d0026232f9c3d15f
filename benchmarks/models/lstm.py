"""A language model with LSTM layers (Zaremba et al., "Recurrent Neural Network Regularization", 2014: small)."""

from __future__ import annotations

from typing import Any


def lstm_language_model(lib: Any, vocabulary: int = 2000, width: int = 200, layers: int = 2) -> Any:
    """Tokens (N, T) to logits (N * T, vocabulary)."""
    nn = lib.nn

    class LanguageModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(vocabulary, width)
            self.lstm = nn.LSTM(width, width, layers, batch_first=True)
            self.head = nn.Linear(width, vocabulary)

        def forward(self, tokens: Any) -> Any:
            out, _ = self.lstm(self.token(tokens))
            return self.head(out).flatten(0, 1)

    return LanguageModel()
