"""`ntm submit`: post a file of submissions through intake."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from services.cli.session import DATA, Data, Key, console, fail, http, key_of, problem_text, run, system_of

_CHUNK = 1000
_OWN_FIELDS = ("unit", "period", "stage", "revision", "source_ref")


def submit(
    file: Annotated[Path, typer.Argument(help="JSON (object or array), NDJSON, or CSV with a column per element.")],
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Post submissions. Repeating it is safe: what was accepted is not taken twice. Exit status 1 if any is refused."""
    try:
        content = file.read_bytes()
        submissions = read(file.suffix, content.decode("utf-8-sig"))
    except OSError as error:
        raise fail(f"{file}: {error.strerror}", 2) from None
    except ValueError as error:
        raise fail(f"{file}: {error}", 2) from None
    if not submissions:
        raise fail(f"{file}: there is nothing in it.", 2)
    refused = run(
        _post(system_of(data).intake_url, key_of(data, key), submissions, hashlib.sha256(content).hexdigest())
    )
    if refused:
        raise typer.Exit(1)


def read(suffix: str, text: str) -> list[Any]:
    """The submissions in a file's text; ValueError with the line when it cannot be read."""
    if suffix.lower() == ".csv":
        return list(_read_csv(text))
    if suffix.lower() in (".ndjson", ".jsonl"):
        return [_read_line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


def _read_line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None


def _read_csv(text: str) -> Iterator[dict[str, Any]]:
    header = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    missing = {"unit", "period"} - set(rows.fieldnames or ())
    if missing:
        raise ValueError(f"line 1: no column {' and '.join(sorted(missing))}")
    for row in rows:
        if None in row:
            raise ValueError(f"line {rows.line_num}: more cells than the header has columns")
        filled = {name: cell.strip() for name, cell in row.items() if cell and cell.strip()}
        submission: dict[str, Any] = {name: filled.pop(name) for name in _OWN_FIELDS if name in filled}
        if "revision" in submission:
            submission["revision"] = _value(submission["revision"])
        yield {**submission, "readings": {name: _value(cell) for name, cell in filled.items()}}


def _value(cell: str) -> object:
    """A number or yes/no as JSON has it; anything else stays text, for intake to refuse by its name."""
    try:
        value: object = json.loads(cell.lower())
    except ValueError:
        return cell
    return value


async def _post(intake_url: str, key: str, submissions: list[Any], digest: str) -> int:
    accepted = refused = 0
    async with http(key) as client:
        for number, chunk in enumerate(batched(submissions, _CHUNK)):
            try:
                response = await client.post(
                    f"{intake_url}/v1/submissions",
                    json=list(chunk),
                    headers={"Idempotency-Key": f"{digest}-{number}", "Accept-Language": "vi"},
                )
            except (httpx.HTTPError, ValueError) as error:
                raise fail(f"{intake_url}: {error or type(error).__name__}") from None
            answer = response.json()
            if "items" not in answer:
                raise fail(problem_text(response))
            for position, item in enumerate(answer["items"], number * _CHUNK + 1):
                if item["status"] == "accepted":
                    accepted += 1
                    continue
                refused += 1
                for fault in item["problem"].get("errors", []):
                    line = f"{position}: {fault['pointer']}: {fault['detail']}"
                    console.print(line, style="red", highlight=False, markup=False)
    console.print(f"{accepted} tiếp nhận, {refused} từ chối / {accepted} accepted, {refused} refused", highlight=False)
    return refused
