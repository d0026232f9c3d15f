"""Text: tokenizers, corpora and language models."""

__version__ = "0.1.0"
