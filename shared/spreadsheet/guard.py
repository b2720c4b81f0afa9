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

_SMALL_PART_MARKS = 200_000
"""The most tags of a part that is parsed as a whole: Excel itself knows some 65,000 formats of cells."""

_FORMAT_LIMIT, _FORMATS_LIMIT = 255 * len("&quot;"), 200_000
"""The most bytes of a format of numbers, and of all: Excel holds 255 characters, in some 250 formats of one's own."""

CELL_LIMIT = 250_000
"""The most cells of all sheets, empty ones included: a template of all communes and elements has a tenth."""

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

_OLE_STREAMS = {
    "WordDocument": "Word (.doc)",
    "PowerPoint Document": "PowerPoint (.ppt)",
    "__properties_": "Outlook (.msg)",
}
"""The streams by which other files of Microsoft's old container are known."""
_OLD_STREAM = "Workbook".encode("utf-16-le")
_OLD_EXCEL = re.compile(rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00")
"""The first record of files of Excel 2 to 95, which have no container."""
_TEXT_FORMATS = (
    (re.compile(rb"ID;P[A-Z]"), "SYLK (.slk)"),
    (re.compile(rb"TABLE\r?\n0,1\r?\n"), "DIF (.dif)"),
    (
        re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<[^\0]{0,2000}urn:schemas-microsoft-com:office:spreadsheet", re.DOTALL),
        "XML Spreadsheet 2003 (.xml)",
    ),
    (re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<[^\0]{0,2000}opendocument:xmlns:office", re.DOTALL), "OpenDocument (.fods)"),
)
_OPEN_DOCUMENTS = {
    "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument Spreadsheet (.ods)",
    "application/vnd.oasis.opendocument.spreadsheet-template": "OpenDocument Spreadsheet (.ots)",
    "application/vnd.oasis.opendocument.text": "OpenDocument Text (.odt)",
    "application/vnd.oasis.opendocument.presentation": "OpenDocument Presentation (.odp)",
}
_TYPES = "[Content_Types].xml"
_SHEET_TYPES = (
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml",
)
_RELATIONS = "_rels/.rels"
_BINARY_TYPE, _STRICT = b"application/vnd.ms-excel.sheet.binary.", "http://purl.oclc.org/ooxml/"
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
_BEGINS_AS_XML = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\x00\s]*<")
_FORMATS = re.compile(rb"""formatCode\s*=\s*(["'])(.*?)\1""", re.DOTALL)
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_LARGE_PARTS = re.compile(r"xl/(?:worksheets/[^/]+|sharedStrings)\.xml", re.IGNORECASE)


def kind_of(body: bytes) -> Literal["xlsx", "csv"]:
    """Return the kind of a file by its content, whatever its name; a problem for another kind or an unsafe file."""
    if not body.strip(b"\x00 \t\r\n"):
        raise refused(Faults.EMPTY_FILE)
    if body.startswith(_OLE):
        raise _refused_container(body)
    if _OLD_EXCEL.match(body):
        raise refused(Faults.OLD_WORKBOOK)
    if body.startswith(_ZIP):
        _check_archive(body)
        return "xlsx"
    for signature, name in _SIGNATURES.items():
        if body.startswith(signature):
            raise refused(Faults.NOT_A_WORKBOOK, value=name)
    for form, name in _TEXT_FORMATS:
        if form.match(body[:4000]):
            raise refused(Faults.OTHER_FORMAT, value=name)
    if _MARKUP.match(body[:500]):
        raise refused(Faults.NOT_A_WORKBOOK, value="HTML/XML")
    return "csv"


def _refused_container(body: bytes) -> Problem:
    """Return the problem of a file in Microsoft's old container, which old Excel shares with others."""
    if _ENCRYPTED in body:
        return refused(Faults.ENCRYPTED_WORKBOOK)
    for stream, name in _OLE_STREAMS.items():
        if _OLD_STREAM not in body and stream.encode("utf-16-le") in body:
            return refused(Faults.NOT_A_WORKBOOK, value=name)
    return refused(Faults.OLD_WORKBOOK)


def _refused_archive(archive: zipfile.ZipFile, names: set[str]) -> Problem:
    """Return the problem of an archive that is no Office file, with the name of its format where it says one."""
    kind = archive.read("mimetype")[:100].decode("ascii", "replace").strip() if "mimetype" in names else ""
    if name := _OPEN_DOCUMENTS.get(kind):
        return refused(Faults.OTHER_FORMAT if "spreadsheet" in kind else Faults.NOT_A_WORKBOOK, value=name)
    if any(part.endswith(".iwa") for part in names):
        return refused(Faults.OTHER_FORMAT, value="Apple Numbers (.numbers)")
    return refused(Faults.NOT_A_WORKBOOK, value="zip")


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
                raise _refused_archive(archive, names)
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
    cells = 0
    for part in parts:
        name, content = part.filename, archive.read(part)
        # a sheet may have any name: the reader goes where other parts lead it
        if not name.lower().endswith((".xml", ".rels", ".vml")) and not _BEGINS_AS_XML.match(content):
            continue
        for mark, limit in _MARK_LIMITS.items():
            counted[mark] += content.count(mark)
            if counted[mark] > limit:
                raise refused(Faults.UNPACKS_TOO_LARGE, value=f"{counted[mark]} XML", expected=f"{limit} XML")
        if _LARGE_PARTS.fullmatch(name):
            cells += sum(1 for _ in _CELL.finditer(content))
        elif (tags := content.count(b"<")) > _SMALL_PART_MARKS:
            raise refused(Faults.UNPACKS_TOO_LARGE, value=f"{tags} XML", expected=f"{_SMALL_PART_MARKS} XML")
        if cells > CELL_LIMIT:
            raise refused(Faults.UNPACKS_TOO_LARGE, value=f"{cells} cells", expected=f"{CELL_LIMIT} cells")
        _check_formats(content)
        _check_encoding(name, content)
        if b"<!DOCTYPE" in content:  # the standard forbids it, and not every parser leaves entities alone
            raise refused(Faults.DAMAGED_WORKBOOK, value=f"{name[:60]}: DOCTYPE")
        if name == _TYPES:
            _check_type(content)
        elif name.lower().endswith(".rels"):
            _check_relations(name, content)


def _check_formats(content: bytes) -> None:
    """Refuse longer formats of numbers than Excel takes: to take one apart takes the square of its length."""
    lengths = [len(written[2]) for written in _FORMATS.finditer(content)]
    if max(lengths, default=0) > _FORMAT_LIMIT or sum(lengths) > _FORMATS_LIMIT:
        raise refused(Faults.DAMAGED_WORKBOOK, value="formatCode")


def _check_encoding(name: str, content: bytes) -> None:
    """Refuse encodings other than UTF-8: in them tags have other bytes, which the checks would not see."""
    prolog = _PROLOG.match(content[:400])
    declared = prolog[1].lower() if prolog else b"utf-8"
    if b"\x00" in content or declared not in {b"utf-8", b"us-ascii"}:
        raise refused(Faults.DAMAGED_WORKBOOK, value=f"{name[:60]}: encoding")


def _check_type(content: bytes) -> None:
    if _BINARY_TYPE in content:
        raise refused(Faults.OTHER_FORMAT, value="Excel Binary Workbook (.xlsb)")
    if b"macroenabled" in content.lower():
        raise refused(Faults.HAS_MACROS, value=_TYPES)
    if not any(kind in content for kind in _SHEET_TYPES):
        other = "Word" if b"wordprocessingml" in content else "PowerPoint" if b"presentationml" in content else "zip"
        raise refused(Faults.NOT_A_WORKBOOK, value=other)


def _check_relations(name: str, content: bytes) -> None:
    """Refuse references to anything outside the file, except hyperlinks in cells, which nobody follows."""
    try:
        relations = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise refused(Faults.DAMAGED_WORKBOOK, value=name[:60]) from error
    for relation in relations:
        if name == _RELATIONS and relation.get("Type", "").startswith(_STRICT):
            raise refused(Faults.OTHER_FORMAT, value="Strict Open XML Spreadsheet (.xlsx)")
        outside = relation.get("TargetMode", "").lower() == "external"
        if outside and not relation.get("Type", "").endswith("/hyperlink"):
            raise refused(Faults.HAS_LINKS, value=relation.get("Target", "")[:60])


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"
