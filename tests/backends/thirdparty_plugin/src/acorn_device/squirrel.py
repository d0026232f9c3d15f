"""A domain package: `facula.acorn`."""

nuts = 7
