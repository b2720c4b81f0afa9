"""The door for files: workbooks with hostile cells and parts, broken archives, malformed CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from urllib.parse import urlencode

from services.intake.doors.uploads import XLSX
from tests.fuzz import hostile, sound
from tests.fuzz.doors import Door
from tests.fuzz.verdict import faults_of
from tests.fuzz.wire import Answer, Sent

_NUMBERS = ("0", "1", "45000", "45000.7", "-1", "1e15", "1e308", "2958466", "1204.50", "131", "1e-9", "-0")
_CELL_KINDS = ("str", "b", "e", "d", "s", "f", "none", "zzz", "")
_PARTS = (
    "xl/vbaProject.bin", "xl/externalLinks/externalLink1.xml", "xl/embeddings/oleObject1.bin", "../evil.xml",
    "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "XL/STYLES.XML", "xl/comments1.xml", "docProps/app.xml",
    "xl/worksheets/_rels/sheet1.xml.rels", "[Content_Types].xml", "xl/calcChain.xml", "xl/drawings/drawing1.xml",
)  # fmt: skip
_XML = (
    b"", b"<x/>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", b"<?xml version='1.0' encoding='utf-7'?><x/>",
    b"<worksheet><sheetData/></worksheet>", b"<a>" * 2000, b'<x a="1" a="2"/>', b"\x00", b"<x>" + b"&#0;" + b"</x>",
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
    b'TargetMode="External" Target="http://x/" Type="x"/></Relationships>',
)  # fmt: skip
_XML_WORDS = (
    b'r="A1"',
    b'r="C7"',
    b'r="ZZZZ9999999"',
    b't="s"',
    b"<row>",
    b"</row>",
    b"<v>9</v>",
    b"<v>1e999</v>",
    b"/",
)


def workbook(random: Random) -> bytes:
    """Return a workbook with hostile cells, parts or bytes."""
    body, parts, sheet = (
        random.choice(sound.templates()) if random.random() < 0.3 else sound.templates()[random.randrange(2)]
    )
    damage = random.random()
    if damage < 0.08:
        return hostile.damaged(random, body)
    parts = dict(parts)
    if damage < 0.8:
        parts[sheet] = _with_cells(random, parts[sheet])
    elif damage < 0.92:
        name = random.choice([*parts])
        parts[name] = _damaged_xml(random, parts[name])
    else:
        name = random.choice((*_PARTS, *parts))
        if name in parts and random.random() < 0.5:
            del parts[name]
        else:
            parts[name] = random.choice(_XML)
    return sound.packed(parts, stored=random.random() < 0.3)


def _with_cells(random: Random, content: bytes) -> bytes:
    """Return the sheet with a row of sound figures and some hostile cells."""
    rows = bytearray()
    for number in range(random.choice((1, 1, 2, 4))):
        at = 40 + number
        cells = [
            sound.cell(f"{column}{at}", text, "inlineStr")
            for column, text in zip("ABCDE", sound.row(random), strict=True)
        ]
        for _ in range(random.choice((0, 1, 1, 2))):
            column = random.randrange(5)
            name = f"{'ABCDE'[column]}{at}"
            if random.random() < 0.03:
                name = random.choice(("", "A", "7", "XFE1", "A0", "ƒ1"))
            cells[column] = sound.cell(name, *_written(random))
        rows += f'<row r="{at}">'.encode() + b"".join(cells) + b"</row>"
    return content.replace(b"</sheetData>", bytes(rows) + b"</sheetData>")


def _written(random: Random) -> tuple[str, str]:
    """Return the content and type of a cell, mostly as a spreadsheet program would write it."""
    match random.randrange(10):
        case 0 | 1 | 2:
            return random.choice(_NUMBERS), random.choice(("n", "n", "str", "inlineStr", "f", "e", "b", "s"))
        case 3:
            return hostile.text(random), random.choice(_CELL_KINDS)
        case 4:
            return random.choice(("1", "0", "2023-06-30", "2023-06-30T00:00:00", "#REF!", "#N/A")), random.choice("bde")
        case 5:
            return _field(random), "inlineStr"
    return hostile.text(random), "inlineStr"


def _damaged_xml(random: Random, content: bytes) -> bytes:
    if random.random() < 0.5:
        return hostile.damaged(random, content)
    at = random.randrange(len(content) + 1)
    return content[:at] + random.choice(_XML_WORDS) + content[at + random.randrange(12) :]


def table(random: Random) -> bytes:
    """Return a CSV file with hostile fields, quotes, delimiters and encodings."""
    delimiter = random.choice((";", ",", "\t", ";", ",", "|"))
    rows = [[*sound.HEADER], *(sound.row(random) for _ in range(random.choice((1, 1, 2, 5))))]
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        line = random.choice(rows[random.random() < 0.85 :])
        line[random.randrange(len(line))] = _field(random)
    if random.random() < 0.1:
        random.choice(rows).extend(_field(random) for _ in range(random.choice((1, 5, 400))))
    if random.random() < 0.05:
        rows[1:1] = [[""] * 5] * random.choice((1, 30, 3000))
    end = random.choice(("\r\n", "\n", "\r", "\n"))
    text = end.join(delimiter.join(_quoted(random, one, delimiter) for one in row) for row in rows) + random.choice(
        (end, "", "\x1a")
    )
    if random.random() < 0.1:
        text = f"sep={random.choice((delimiter, ';', 'x', ''))}{end}{text}"
    encoding = random.choice(
        ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258", "utf-32")
    )
    body = text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")
    return hostile.damaged(random, body) if random.random() < 0.15 else body


def _field(random: Random) -> str:
    if random.random() < 0.5:
        return random.choice(
            ("1.204", "1,204", "1.204,5", "1,204.5", "1.2.3", "12e3", "−5", "١٢", "--1", "1.204.", "Có", "x", "6/23",
             "31/02/2023", "tháng 13/2023", "6 tháng đầu năm 2023", "Q5 2023", "0" * 50, "9" * 39, "1" * 50_000,
             "Hộ nghèo", "# ghi chú", "")
        )  # fmt: skip
    return hostile.text(random)


def _quoted(random: Random, field: str, delimiter: str) -> str:
    if random.random() < 0.02:
        return f'"{field}'
    if delimiter in field or "\n" in field or '"' in field or random.random() < 0.1:
        return '"' + field.replace('"', '""') + '"'
    return field


class Files(Door):
    """`POST /v1/uploads`."""

    workers = 6

    def file(self, random: Random) -> bytes:
        """Return the file to upload."""
        raise NotImplementedError

    def make(self, random: Random) -> Sent:
        query: dict[str, str] = {}
        if random.random() < 0.5:
            query["dry_run"] = random.choice(("true", "1", "yes"))
        for name, found in (
            ("unit", "184"),
            ("period", "6/2023"),
            ("stage", "reported"),
            ("confirmed", "1"),
            ("correct", "1"),
        ):
            if random.random() < 0.25:
                query[name] = found if random.random() < 0.9 else hostile.text(random)
        headers = self.headers(random, b"application/octet-stream")
        if random.random() < 0.1:
            headers = (*headers, ("Accept", XLSX.encode()))
        target = "/v1/uploads?" + urlencode(query, errors="surrogatepass")
        return Sent(self.file(random), "POST", target, headers)

    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        yield from faults_of(sent, answer)
        if answer.headers.get("content-type") == XLSX and not answer.body.startswith(b"PK"):
            yield "a workbook that is none"
        elif answer.status == 202:
            for item in json.loads(answer.body)["items"]:
                self.place.seen.note(item)
        elif answer.status == 422 and answer.headers.get("content-type") != XLSX:
            self.place.seen.note(json.loads(answer.body))


class Workbooks(Files):
    """The door for files, with workbooks."""

    name = "xlsx"

    def file(self, random: Random) -> bytes:
        return workbook(random)


class Tables(Files):
    """The door for files, with CSV files."""

    name = "csv"

    def file(self, random: Random) -> bytes:
        return table(random)
