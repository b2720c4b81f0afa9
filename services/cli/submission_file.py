"""Reading a file of submissions: JSON, NDJSON, or CSV with a column per element."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from shared.contracts.bilingual import Bilingual

_OWN_FIELDS = ("unit", "period", "stage", "revision", "source_ref", "confirmed")
_DELIMITERS = ";,\t"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}


class UnreadableFileError(Exception):
    """The file holds no submissions; `reason` says why, where, and what to do."""

    def __init__(self, vi: str, en: str) -> None:
        self.reason = Bilingual(vi=vi, en=en)
        super().__init__(en)


def read(suffix: str, content: bytes) -> list[bytes]:
    """The submissions in a file, each as JSON. Raises UnreadableFileError."""
    text = _decode(content)
    if suffix.lower() == ".csv":
        items = list(_read_csv(text))
    elif suffix.lower() in (".ndjson", ".jsonl"):
        # not splitlines(), which also splits where JSON may have a character inside a text
        lines = enumerate(text.split("\n"), 1)
        items = [_read_json(line, number) for number, line in lines if line.strip()]
    else:
        found = _read_json(text) if text.strip() else []
        items = found if isinstance(found, list) else [found]
    if not items:
        raise UnreadableFileError("tệp không có số liệu nào.", "there is nothing in it.")
    return [_write_json(number, item) for number, item in enumerate(items, 1)]


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
        if "\x00" not in text:
            return text
    except UnicodeDecodeError:
        pass
    raise UnreadableFileError(
        "tệp không ở dạng UTF-8. Trong Excel hãy lưu dạng “CSV UTF-8”.",
        "it is not encoded in UTF-8. In Excel, save it as 'CSV UTF-8'.",
    )


def _read_json(text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        number = line or error.lineno
        vi, en = f"dòng {number}, cột {error.colno}: không phải JSON", f"line {number}, column {error.colno}: not JSON"
        raise UnreadableFileError(f"{vi}.", f"{en}: {error.msg}.") from None
    except RecursionError:
        vi, en = "JSON lồng quá nhiều tầng.", "the JSON is nested too deeply."
    except ValueError:
        vi, en = "có số quá dài.", "a number is too long."
    except UnreadableFileError as error:
        vi, en = error.reason.vi, error.reason.en
    if line:
        vi, en = f"dòng {line}: {vi}", f"line {line}: {en}"
    raise UnreadableFileError(vi, en)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two figures under one name, one would be lost without a word."""
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise UnreadableFileError(
                f"tên {name[:60]!r} có hai lần trong một mục.", f"the name {name[:60]!r} stands twice in one object."
            )
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableFileError(f"{name} không phải là số.", f"{name} is not a number.")


def _write_json(number: int, item: Any) -> bytes:
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        vi, en = "có ký tự không hợp lệ.", "it has half a character."
    except (ValueError, RecursionError):
        vi, en = "có số quá lớn hoặc lồng quá nhiều tầng.", "a number is too large, or it is nested too deeply."
    raise UnreadableFileError(f"mục {number}: {vi}", f"item {number}: {en}")


def _read_csv(text: str) -> Iterator[dict[str, Any]]:
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        header = _header(next(rows, []))
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _read_row(header, row, rows.line_num)
    except csv.Error as error:
        raise UnreadableFileError(
            f"dòng {rows.line_num}: không đọc được CSV (kiểm tra dấu ngoặc kép).", f"line {rows.line_num}: {error}."
        ) from None


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if twice := [name for name, count in Counter(filter(None, names)).items() if count > 1]:
        raise UnreadableFileError(
            f"dòng 1: cột {', '.join(twice)} có hai lần. Hãy bỏ bớt một cột.",
            f"line 1: the column {', '.join(twice)} stands twice. Remove one.",
        )
    if not any(names):
        raise UnreadableFileError("tệp không có số liệu nào.", "there is nothing in it.")
    if missing := [name for name in ("unit", "period") if name not in names]:
        raise UnreadableFileError(
            f"dòng 1: thiếu cột {', '.join(missing)}.", f"line 1: no column {' and '.join(missing)}."
        )
    return names


def _read_row(header: list[str], row: list[str], line: int) -> dict[str, Any]:
    named = header + [""] * (len(row) - len(header))
    filled = {name: cell.strip() for name, cell in zip(named, row, strict=False) if cell.strip()}
    if "" in filled:
        raise UnreadableFileError(
            f"dòng {line}: có ô nằm ngoài các cột có tên.", f"line {line}: a cell stands in no named column."
        )
    submission: dict[str, Any] = {name: filled.pop(name) for name in _OWN_FIELDS if name in filled}
    for name in ("revision", "confirmed"):
        if name in submission:
            submission[name] = _value(submission[name])
    return {**submission, "readings": {name: _value(cell) for name, cell in filled.items()}}


def _value(cell: str) -> object:
    """A number or yes/no as JSON has it; anything else stays text, for intake to refuse by its name."""
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    if not _NUMBER.fullmatch(cell) or len(cell) > 100:
        return cell
    number = json.loads(cell)
    return cell if number in (float("inf"), float("-inf")) else number
