"""Data sets of sound."""

from facula_audio.datasets.asterisk import AsteriskSounds
from facula_audio.datasets.keywords import KeywordFolder

__all__ = ["AsteriskSounds", "KeywordFolder"]
