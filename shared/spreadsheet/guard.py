"""The guard: it recognises a file's kind, and refuses unsafe files before anything is parsed."""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO
from typing import Literal
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from shared.problems import Fault, Faults, Problem, Problems

UPLOAD_LIMIT = 10 * 1024 * 1024
"""The most bytes of a file."""

_UNPACKED_LIMIT = 16 * 1024 * 1024
_SMALL_PART_LIMIT = 4 * 1024 * 1024
"""The most bytes of a part that is neither a sheet nor the sheets' texts, since it is parsed as a whole."""
_PART_LIMIT = 300
_RATIO_LIMIT = 200
_RATIO_FROM = 2 * 1024 * 1024
"""The size up to which a file may be compressed by any ratio, as empty sheets are."""
_MARK_LIMITS = {b"<": 1_000_000, b"=": 800_000}
"""The most tags and attributes: each takes far more time and memory than its bytes in the file. A sheet of 2,000 rows
and a hundred columns stays below.
"""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SIGNATURES = {
    b"PK\x05\x06": "zip",
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7z",
    b"\x1f\x8b": "gzip",
    b"{\\rtf": "RTF",
    b"\x7fELF": "ELF",
    b"MZ": "EXE",
}
_MARKUP = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|\?xml|head|body|script|meta)", re.IGNORECASE)
_PROLOG = re.compile(rb"""\s*(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"'>]*)["']""")

_TYPES, _SHEET_TYPE = (
    "[Content_Types].xml",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
)
_UNSAFE = (
    (Faults.HAS_MACROS, re.compile(r"vbaproject|vbadata|/macrosheets/|\.bas$", re.IGNORECASE)),
    (
        Faults.HAS_LINKS,
        re.compile(r"/externallinks/|/connections\.xml$|/querytables/|/model/|/customdata/", re.IGNORECASE),
    ),
    (
        Faults.HAS_OBJECTS,
        re.compile(r"/embeddings/|/activex/|/ctrlprops/|oleobject|/webextensions/|^customui/", re.IGNORECASE),
    ),
)
_LARGE_PARTS = re.compile(r"xl/(?:worksheets/[^/]+|sharedStrings)\.xml", re.IGNORECASE)


def kind_of(body: bytes) -> Literal["xlsx", "csv"]:
    """Return the kind of a file by its content, whatever its name; a problem for another kind or an unsafe file."""
    if not body.strip(b"\x00 \t\r\n"):
        raise refused(Faults.EMPTY_FILE)
    if body.startswith(_OLE):
        raise refused(Faults.ENCRYPTED_WORKBOOK if _ENCRYPTED in body else Faults.OLD_WORKBOOK)
    if body.startswith(_ZIP):
        _check_archive(body)
        return "xlsx"
    for signature, name in _SIGNATURES.items():
        if body.startswith(signature):
            raise refused(Faults.NOT_A_WORKBOOK, value=name)
    if _MARKUP.match(body[:500]):
        raise refused(Faults.NOT_A_WORKBOOK, value="HTML/XML")
    return "csv"


def refused(kind: Faults, **details: object) -> Problem:
    """Return the problem that refuses the whole file, with its one fault."""
    return Problem(Problems.FILE_REFUSED, Fault("", kind, details))


def _check_archive(body: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            parts = archive.infolist()
            _check_sizes(parts, len(body))
            for part in parts:
                _check_name(part)
            names = {part.filename for part in parts}
            if _TYPES not in names:
                raise refused(Faults.NOT_A_WORKBOOK, value="zip")
            _check_parts(archive, parts)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise refused(Faults.DAMAGED_WORKBOOK, value="zip") from error


def _check_sizes(parts: list[zipfile.ZipInfo], packed: int) -> None:
    """Check sizes by the directory alone, before anything is unpacked; no part unpacks to more than it states there."""
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > _PART_LIMIT:
        raise refused(Faults.UNPACKS_TOO_LARGE, value=f"{len(parts)} parts", expected=_PART_LIMIT)
    ratio = unpacked // packed
    if unpacked > _RATIO_FROM and ratio > _RATIO_LIMIT:
        raise refused(Faults.UNPACKS_TOO_LARGE, value=f"1:{ratio}", expected=f"1:{_RATIO_LIMIT}")
    if unpacked > _UNPACKED_LIMIT:
        raise refused(Faults.UNPACKS_TOO_LARGE, value=_megabytes(unpacked), expected=_megabytes(_UNPACKED_LIMIT))
    for part in parts:
        if part.file_size > _SMALL_PART_LIMIT and not _LARGE_PARTS.fullmatch(part.filename):
            value = f"{part.filename[:60]}: {_megabytes(part.file_size)}"
            raise refused(Faults.UNPACKS_TOO_LARGE, value=value, expected=_megabytes(_SMALL_PART_LIMIT))


def _check_name(part: zipfile.ZipInfo) -> None:
    name = part.filename
    if part.flag_bits & 1:
        raise refused(Faults.ENCRYPTED_WORKBOOK)
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name:
        raise refused(Faults.DAMAGED_WORKBOOK, value=name[:60])
    for kind, pattern in _UNSAFE:
        if pattern.search("/" + name):
            raise refused(kind, value=name[:60])


def _check_parts(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> None:
    if len({part.filename.lower() for part in parts}) < len(parts):
        raise refused(Faults.DAMAGED_WORKBOOK, value="duplicate parts")
    counted = dict.fromkeys(_MARK_LIMITS, 0)
    for part in parts:
        name = part.filename
        if not name.lower().endswith((".xml", ".rels", ".vml")):
            continue
        content = archive.read(part)
        for mark, limit in _MARK_LIMITS.items():
            counted[mark] += content.count(mark)
            if counted[mark] > limit:
                raise refused(Faults.UNPACKS_TOO_LARGE, value=f"{counted[mark]} XML", expected=f"{limit} XML")
        _check_encoding(name, content)
        if name == _TYPES:
            _check_type(content)
        elif name.lower().endswith(".rels"):
            _check_relations(name, content)


def _check_encoding(name: str, content: bytes) -> None:
    """Refuse encodings other than UTF-8: in them tags have other bytes, which the checks would not see."""
    prolog = _PROLOG.match(content[:400])
    declared = prolog[1].lower() if prolog else b"utf-8"
    if b"\x00" in content or declared not in {b"utf-8", b"us-ascii"}:
        raise refused(Faults.DAMAGED_WORKBOOK, value=f"{name[:60]}: encoding")


def _check_type(content: bytes) -> None:
    if b"macroenabled" in content.lower():
        raise refused(Faults.HAS_MACROS, value=_TYPES)
    if _SHEET_TYPE not in content:
        other = "Word" if b"wordprocessingml" in content else "PowerPoint" if b"presentationml" in content else "zip"
        raise refused(Faults.NOT_A_WORKBOOK, value=other)


def _check_relations(name: str, content: bytes) -> None:
    """Refuse references to anything outside the file, except hyperlinks in cells, which nobody follows."""
    try:
        relations = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise refused(Faults.DAMAGED_WORKBOOK, value=name[:60]) from error
    for relation in relations:
        outside = relation.get("TargetMode", "").lower() == "external"
        if outside and not relation.get("Type", "").endswith("/hyperlink"):
            raise refused(Faults.HAS_LINKS, value=relation.get("Target", "")[:60])


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"
