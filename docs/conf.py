"""How the site is built: `make docs`. Warnings are errors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
# A checkout can build its own docs even where other versions are installed.
sources = [*ROOT.glob("packages/*/src"), *ROOT.glob("backends/*/src")]
sys.path[:0] = [str(HERE), *map(str, sources)]

import reference_from_registry  # noqa: E402
from docstrings_as_rst import as_rst  # noqa: E402

import facula  # noqa: E402

project = "Facula"
author = "the Facula developers"
copyright = "2026, the Facula developers"
release = version = facula.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Facula {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False
autodoc_class_signature = "mixed"
autodoc_typehints = "none"
default_role = "code"


def setup(app):
    app.connect(
        "builder-inited",
        lambda app: reference_from_registry.write(HERE / "reference" / "generated"),
    )
    app.connect("autodoc-process-docstring", as_rst)
