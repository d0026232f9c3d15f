"""`python -m facula`: the command line."""

import sys

from facula.cli import main

sys.exit(main())
