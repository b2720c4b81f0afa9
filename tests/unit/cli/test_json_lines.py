"""A command prints one JSON object for each line where its output is a container's log, whatever prints it."""

from __future__ import annotations

import json
from io import StringIO

from services.cli.json_lines import JsonLines


def test_each_line_is_an_object_and_no_line_is_split_or_doubled() -> None:
    log = StringIO()
    lines = JsonLines(log, "info")
    for part in ("SUBMISSIONS: đã", " tạo\n\n  \n", '{"event": "of a library"}\n', "rest"):
        lines.write(part)
    assert len(log.getvalue().splitlines()) == 2, "a line is written once it is whole"
    lines.close()
    first, of_a_library, last = map(json.loads, log.getvalue().splitlines())
    assert (first["event"], first["level"], first["service"]) == ("SUBMISSIONS: đã tạo", "info", "ntm")
    assert first["timestamp"].endswith("+00:00")
    assert of_a_library == {"event": "of a library"}
    assert last["event"] == "rest"
