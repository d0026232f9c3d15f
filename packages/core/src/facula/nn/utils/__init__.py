"""Functions on the parameters and gradients of modules."""

from __future__ import annotations
