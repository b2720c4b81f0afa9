"""People's own words, cleaned for a mail. The record keeps the words as they were written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def lines_of(words: str) -> Sequence[str]:
    """Return the lines of a text without invisible characters; several empty lines in a row become one."""
    written = [_visible(line).rstrip() for line in words.splitlines()]
    return [line for at, line in enumerate(written) if line or (at and written[at - 1])]


def on_one_line(words: str) -> str:
    """Return the text without invisible characters on one line, such as a name."""
    return " ".join(" ".join(lines_of(words)).split())


def _visible(line: str) -> str:
    """Remove characters that turn the direction of writing or take no room: they make a text look like another text."""
    return "".join(mark if mark.isprintable() else " " for mark in line if unicodedata.category(mark) != "Cf")
