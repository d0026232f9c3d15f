"""Models of sound."""

from facula_audio.models.keywordnet import KeywordNet

__all__ = ["KeywordNet"]
