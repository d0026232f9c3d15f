"""Docstrings are plain text with backticks, as one reads them in an editor; Sphinx wants reStructuredText."""

import re

#: Code in backticks, or a character that would mean something else in reStructuredText.
_MARKUP = re.compile(r"`[^`]*`|[*|\\]|(?<=\w)_(?!\w)")


def as_rst(app, what, name, obj, options, lines):
    """Translates the lines in place: single backticks are code, stars are stars, indented blocks are code."""
    out, is_code = [], False
    for line in lines:
        starts_block = line.startswith("    ") and (not out or not out[-1].strip())
        if starts_block and not is_code and any(x.strip() for x in out):
            out[-1:] = ["", "::", ""]
            is_code = True
        elif line.strip() and not line.startswith(" "):
            is_code = False
        is_example = is_code or _in_doctest(out, line)
        out.append(line if is_example else _MARKUP.sub(_translated, line))
    lines[:] = out


def _in_doctest(before, line):
    """Whether a line belongs to an example: it starts with >>>, or follows one without a blank line."""
    if line.lstrip().startswith(">>>"):
        return True
    for earlier in reversed(before):
        if not earlier.strip() or not line.strip():
            return False
        if earlier.lstrip().startswith(">>>"):
            return True
    return False


def _translated(match):
    text = match[0]
    return f"`{text}`" if len(text) > 1 and text[0] == "`" else "\\" + text
