"""Reader of files of submissions: JSON, NDJSON, or CSV with a column for each element."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.cli.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.strict_json import NotANumberError, RepeatedNameError, StrictDecoder
from shared.texts import filled

_OWN_FIELDS = ("unit", "period", "stage", "revision", "source_ref", "confirmed")
_DELIMITERS = ";,\t"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}


class UnreadableFileError(Exception):
    """The file holds no submissions; `reason` says why, where, and what to do."""

    def __init__(self, reason: Bilingual) -> None:
        self.reason = reason
        super().__init__(reason.en)


class Item(NamedTuple):
    """A submission of a file as JSON, and where it stands: `dòng 3`, or `mục 3` of an array."""

    place: Bilingual
    body: bytes


def read(suffix: str, content: bytes) -> list[Item]:
    """Return the submissions in a file. Raises UnreadableFileError."""
    text, where = _decode(content), phrase("submission_file.line")
    if suffix.lower() == ".csv":
        items: list[tuple[int, Any]] = list(_read_csv(text))
    elif suffix.lower() in (".ndjson", ".jsonl"):
        # not splitlines(), which also splits at characters that JSON allows inside a text
        lines = enumerate(text.split("\n"), 1)
        items = [(number, _read_json(line, number)) for number, line in lines if line.strip()]
    else:
        document = _read_json(text) if text.strip() else []
        items = list(enumerate(document if isinstance(document, list) else [document], 1))
        where = phrase("submission_file.item")
    if not items:
        raise UnreadableFileError(phrase("submission_file.empty"))
    return [Item(filled(where, number=number), _write_json(number, item)) for number, item in items]


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
        if "\x00" not in text:
            return text
    except UnicodeDecodeError:
        pass
    raise UnreadableFileError(phrase("submission_file.not_utf8"))


def _read_json(text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text, cls=StrictDecoder)
    except json.JSONDecodeError as error:
        not_json = phrase("submission_file.not_json")
        raise UnreadableFileError(
            filled(not_json, line=line or error.lineno, column=error.colno, error=error.msg)
        ) from None
    except RecursionError:
        reason = phrase("submission_file.nested_too_deeply")
    except RepeatedNameError as error:
        reason = filled(phrase("submission_file.name_twice"), name=repr(error.name[:60]))
    except NotANumberError as error:
        reason = filled(phrase("submission_file.not_a_number"), name=error.name)
    except ValueError:
        reason = phrase("submission_file.number_too_long")
    if line:
        reason = filled(phrase("submission_file.in_line"), line=line, reason=reason)
    raise UnreadableFileError(reason)


def _write_json(number: int, item: Any) -> bytes:
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        reason = phrase("submission_file.half_a_character")
    except (ValueError, RecursionError):
        reason = phrase("submission_file.number_too_large")
    raise UnreadableFileError(filled(phrase("submission_file.in_item"), number=number, reason=reason))


def _read_csv(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        header = _header(next(rows, []))
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, _read_row(header, row, rows.line_num)
    except csv.Error as error:
        raise UnreadableFileError(
            filled(phrase("submission_file.not_csv"), line=rows.line_num, error=str(error))
        ) from None


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if twice := [name for name, count in Counter(filter(None, names)).items() if count > 1]:
        raise UnreadableFileError(filled(phrase("submission_file.column_twice"), columns=", ".join(twice)))
    if not any(names):
        raise UnreadableFileError(phrase("submission_file.empty"))
    if missing := [name for name in ("unit", "period") if name not in names]:
        conjunction = phrase("submission_file.conjunction")
        columns = Bilingual(vi=conjunction.vi.join(missing), en=conjunction.en.join(missing))
        raise UnreadableFileError(filled(phrase("submission_file.column_missing"), columns=columns))
    return names


def _read_row(header: list[str], row: list[str], line: int) -> dict[str, Any]:
    named = header + [""] * (len(row) - len(header))
    cells = {name: cell.strip() for name, cell in zip(named, row, strict=False) if cell.strip()}
    if "" in cells:
        raise UnreadableFileError(filled(phrase("submission_file.cell_without_column"), line=line))
    submission: dict[str, Any] = {name: cells.pop(name) for name in _OWN_FIELDS if name in cells}
    for name in ("revision", "confirmed"):
        if name in submission:
            submission[name] = _value(submission[name])
    return {**submission, "readings": {name: _value(cell) for name, cell in cells.items()}}


def _value(cell: str) -> object:
    """Read a cell as a JSON number or boolean; any other cell stays text, for intake to refuse."""
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    if not _NUMBER.fullmatch(cell) or len(cell) > 100:
        return cell
    number = json.loads(cell)
    return cell if number in (float("inf"), float("-inf")) else number
