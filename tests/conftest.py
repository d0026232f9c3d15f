"""Settings for all tests."""

import os

# A C compiler takes seconds for what a test does in milliseconds: tests of compiled programs ask for them by name, and
# core/graph/test_default.py sees what comes unasked.
os.environ.setdefault("FACULA_COMPILE", "replay")
