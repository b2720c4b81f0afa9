"""Builders of workbooks and CSV files, sound and hostile."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook, load_workbook

HEADER = ("Mã đơn vị", "Kỳ", "Tổng số hộ", "Hộ nghèo", "Hộ cận nghèo")
ROW = ("06280", "6/2023", 1204, 131, 88)


def a_workbook(*rows: Sequence[Any], header: Sequence[Any] = HEADER, title: str = "Sheet1") -> bytes:
    """Build a workbook that is no template; by default it has one good row."""
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = title
    for row in (header, *(rows or (ROW,))):
        sheet.append([*row])
    return _file(workbook)


def a_csv(*rows: Sequence[Any], header: Sequence[Any] = HEADER, delimiter: str = ";", encoding: str = "utf-8") -> bytes:
    """Build a CSV file; by default it has one good row."""
    lines = (delimiter.join(str(value) for value in row) for row in (header, *(rows or (ROW,))))
    return "\r\n".join((*lines, "")).encode(encoding)


def edited(body: bytes, edit: Callable[[Any], None]) -> bytes:
    """Return the workbook as `edit` changes it in Excel."""
    workbook = load_workbook(BytesIO(body))
    edit(workbook)
    return _file(workbook)


def with_parts(body: bytes, parts: Mapping[str, bytes], without: Sequence[str] = ()) -> bytes:
    """Return the workbook with parts added, replaced or left out, as no spreadsheet program would write it."""
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(body)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name not in parts and name not in without:
                archive.writestr(name, source.read(name))
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def part_of(body: bytes, name: str) -> bytes:
    """Return the content of a part of a workbook."""
    with zipfile.ZipFile(BytesIO(body)) as archive:
        return archive.read(name)


def _file(workbook: Workbook) -> bytes:
    target = BytesIO()
    workbook.save(target)
    return target.getvalue()
