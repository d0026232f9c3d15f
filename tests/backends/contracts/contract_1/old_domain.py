"""Frozen with `old_plugin.py`: a domain package."""

rings = 120
