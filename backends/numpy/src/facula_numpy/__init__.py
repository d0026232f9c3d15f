"""The `cpu` device over NumPy."""

__version__ = "0.1.0"
