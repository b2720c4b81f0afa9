"""Pure: what people have written, made fit to stand in a mail. The record keeps it as it was written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def lines_of(words: str) -> Sequence[str]:
    """The lines, each without what no reader sees; of several empty ones in a row, one."""
    written = [_visible(line).rstrip() for line in words.splitlines()]
    return [line for at, line in enumerate(written) if line or (at and written[at - 1])]


def on_one_line(words: str) -> str:
    """The same where only one line has a place, such as a name."""
    return " ".join(" ".join(lines_of(words)).split())


def _visible(line: str) -> str:
    """Marks that turn the direction of writing or take no room would let a text look like another: they go."""
    return "".join(mark if mark.isprintable() else " " for mark in line if unicodedata.category(mark) != "Cf")
