"""From a captured graph to one C function: lower, fuse, plan, schedule, emit; `compiler.py` puts them together."""
