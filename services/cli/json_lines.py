"""A command prints lines of JSON, such as those of the services, where its output is a container's log."""

from __future__ import annotations

import io
import json
from typing import TextIO

from shared.time import utc_now


class JsonLines(io.TextIOBase):
    """A stream that writes each line as an object with `event`, `level` and `timestamp`, and no empty ones."""

    def __init__(self, into: TextIO, level: str) -> None:
        self._into, self._level, self._begun = into, level, ""

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep the rest until its end comes."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._line(line)
        return len(text)

    def fileno(self) -> int:
        """Return the file below, which rich leaves when nobody reads any more."""
        return self._into.fileno()

    def flush(self) -> None:
        """Write through what is whole."""
        self._into.flush()

    def close(self) -> None:
        """Write a last line without an end; the stream below stays open."""
        self._line(self._begun)
        self._begun = ""
        self.flush()

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        is_json = line.startswith("{")  # a library's line of the log
        entry = {"service": "ntm", "event": line.rstrip(), "level": self._level, "timestamp": utc_now().isoformat()}
        self._into.write((line if is_json else json.dumps(entry, ensure_ascii=False)) + "\n")
