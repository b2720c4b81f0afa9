"""The type of a file by its content, and the name under which it is kept. Nothing of the file is unpacked or drawn."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO

from shared.characters import typed
from shared.contracts.evidence import FileType
from shared.problems import Fault, Faults, Problem, Problems
from shared.text import storable

_ENDINGS = {
    FileType.PDF: (".pdf",),
    FileType.PNG: (".png",),
    FileType.JPEG: (".jpg", ".jpeg"),
    FileType.XLSX: (".xlsx",),
}
_BEGINNINGS = {b"%PDF-": FileType.PDF, b"\x89PNG\r\n\x1a\n": FileType.PNG, b"\xff\xd8\xff": FileType.JPEG}
_ZIP = b"PK\x03\x04"
_TYPES = "[Content_Types].xml"
_TYPES_LIMIT = 1 << 20
"""The most bytes of the part that lists an Office file's parts: Excel's has some kilobytes."""
_SHEET = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_MACROS = (b"macroEnabled", b"vbaProject")


def type_of(content: bytes) -> FileType:
    """Return the type of a file, whatever its name; problem `file_refused` where it is no evidence."""
    if not content:
        raise _refused(Faults.NOTHING_ATTACHED)
    for beginning, kind in _BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    if content.startswith(_ZIP):
        return _workbook(content)
    raise _refused(Faults.NO_EVIDENCE)


def _workbook(content: bytes) -> FileType:
    """Return the type of a zip that is an Excel file without macros, by the types of its parts."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive, archive.open(_TYPES) as part:
            types = part.read(_TYPES_LIMIT)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise _refused(Faults.NO_EVIDENCE) from None
    if any(sign in types for sign in _MACROS):
        raise _refused(Faults.HAS_MACROS, value=".xlsm")
    if _SHEET not in types:
        raise _refused(Faults.NO_EVIDENCE)
    return FileType.XLSX


def name_of(given: str, kind: FileType | None) -> str:
    """Return the name to keep: without a path or signs that nobody sees, and with the ending of the file's type."""
    name = storable(typed(given)).replace("\\", "/").rpartition("/")[2]
    name = " ".join(name.split()).strip(". ")
    if kind is None:
        return name
    ending, *others = _ENDINGS[kind]
    return name if name.lower().endswith((ending, *others)) and len(name) > len(ending) else f"{name or 'tep'}{ending}"


def _refused(kind: Faults, **details: object) -> Problem:
    return Problem(Problems.FILE_REFUSED, Fault("", kind, details))
