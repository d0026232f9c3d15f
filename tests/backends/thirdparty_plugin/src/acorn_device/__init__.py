"""The `acorn` device, and an op of its own."""
