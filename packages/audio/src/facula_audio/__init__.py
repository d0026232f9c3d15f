"""Audio: reading and features of sound."""

__version__ = "0.1.0"
