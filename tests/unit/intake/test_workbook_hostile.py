"""Hostile, broken and mistaken files: intake refuses each with the right reason, before it uses any of its content."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.workbook import RowDefaults, read
from shared.problems import Problem, Problems
from shared.reference.load import load
from tests.workbooks import ROW, a_csv, a_workbook, edited, part_of, with_parts

REFERENCE = load()
SHEET, TYPES, STYLES = "xl/worksheets/sheet1.xml", "[Content_Types].xml", "xl/styles.xml"
NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_MANY_ATTRIBUTES = "<row " + " ".join(f'a{n:x}="{n}"' for n in range(900_000)) + "/>"
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'


def noise_of(size: int) -> bytes:
    """Return what no packer makes smaller, so that a file is not packed as tightly as a bomb is; it begins no XML."""
    return b"\x89" + os.urandom(size)


def refusal_of(body: bytes) -> str:
    """Return the code of the fault for which the whole file is refused."""
    with pytest.raises(Problem) as caught:
        read(body, REFERENCE, RowDefaults())
    assert caught.value.kind is Problems.FILE_REFUSED
    fault = caught.value.faults[0]
    assert fault.text("vi")
    assert fault.text("en")
    return fault.kind.code


def an_archive(parts: dict[str, bytes]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def a_sheet(rows: str) -> bytes:
    return f'<?xml version="1.0"?><worksheet {NS}><sheetData>{rows}</sheetData></worksheet>'.encode()


def with_type(kind: str) -> bytes:
    types = part_of(a_workbook(), TYPES)
    return with_parts(a_workbook(), {TYPES: types.replace(b"spreadsheetml.sheet.main", kind.encode())})


def a_link(mode: str, kind: str) -> bytes:
    relation = (
        f'<Relationship Id="r9" TargetMode="{mode}" Target="file:///c:/secret" '
        f'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/>'
    )
    return with_parts(a_workbook(), {"xl/worksheets/_rels/sheet1.xml.rels": RELATIONS.format(relation).encode()})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b" \r\n\t ", "empty_file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old_workbook"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 99 + "EncryptedPackage".encode("utf-16-le"),
            "encrypted_workbook",
        ),
        (b"%PDF-1.7 ...", "not_a_workbook"),
        (b"\x89PNG\r\n\x1a\n", "not_a_workbook"),
        (b"MZ\x90\x00", "not_a_workbook"),
        (b"<html><table><tr><td>06280</td></tr></table></html>", "not_a_workbook"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "not_a_workbook"),
        (b"unit;households\n06280;\x00\x01\x02\x03", "not_a_workbook"),
        ("Mã;Tổng số hộ\n06280;12".encode("utf-16-le")[:-1], "bad_encoding"),
        ("Mã;Tổng số hộ\n06280;12".encode("cp1258", errors="ignore") + b"\xff\x80", "bad_encoding"),
        (b"PK\x03\x04 and then nothing", "damaged_workbook"),
        (a_workbook()[:-200], "damaged_workbook"),
        (an_archive({"word/document.xml": b"<w/>"}), "not_a_workbook"),
        (an_archive({"mimetype": b"application/vnd.oasis.opendocument.text"}), "not_a_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "not_a_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "old_workbook"),
        (b"\x09\x08\x08\x00\x00\x05\x10\x00", "old_workbook"),
        (with_type("wordprocessingml.document.main"), "not_a_workbook"),
        (with_type("spreadsheetml.sheet.macroEnabled.main"), "has_macros"),
        (with_parts(a_workbook(), {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}), "has_macros"),
        (with_parts(a_workbook(), {"xl/macrosheets/sheet1.xml": b"<x/>"}), "has_macros"),
        (with_parts(a_workbook(), {"xl/externalLinks/externalLink1.xml": b"<x/>"}), "has_links"),
        (with_parts(a_workbook(), {"xl/connections.xml": b"<x/>"}), "has_links"),
        (a_link("External", "externalLinkPath"), "has_links"),
        (a_link("external", "image"), "has_links"),
        (with_parts(a_workbook(), {"xl/embeddings/oleObject1.bin": b"\xd0\xcf"}), "has_objects"),
        (with_parts(a_workbook(), {"xl/activeX/activeX1.xml": b"<x/>"}), "has_objects"),
        (with_parts(a_workbook(), {"../../etc/passwd": b"x"}), "damaged_workbook"),
        (with_parts(a_workbook(), {"/absolute.xml": b"<x/>"}), "damaged_workbook"),
        (with_parts(a_workbook(), {"XL/Workbook.xml": b"<x/>"}), "damaged_workbook"),
        (with_parts(a_workbook(), {}, without=(TYPES,)), "not_a_workbook"),
        (with_parts(a_workbook(), {}, without=("xl/workbook.xml",)), "damaged_workbook"),
        (with_parts(a_workbook(), {SHEET: b"<worksheet"}), "damaged_workbook"),
        (with_parts(a_workbook(), {SHEET: b"not XML at all"}), "damaged_workbook"),
        (with_parts(a_workbook(), {"xl/media/bomb.bin": b"\x00" * 30_000_000}), "unpacks_too_large"),
        (with_parts(a_workbook(), {SHEET: b" " * 30_000_000}), "unpacks_too_large"),
        (with_parts(a_workbook(), {SHEET: b" " * 3_000_000}), "unpacks_too_large"),
        (with_parts(a_workbook(), {STYLES: os.urandom(5_000_000)}), "unpacks_too_large"),
        (with_parts(a_workbook(), {f"docProps/{n}.xml": b"<x/>" for n in range(400)}), "unpacks_too_large"),
        (with_parts(a_workbook(), {SHEET: a_sheet("<row/>" * 1_000_000)}), "unpacks_too_large"),
        (with_parts(a_workbook(), {SHEET: a_sheet(_MANY_ATTRIBUTES)}), "unpacks_too_large"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_for_what_it_is(body: bytes, code: str) -> None:
    assert refusal_of(body) == code


STRICT = RELATIONS.format(
    '<Relationship Id="r1" Target="xl/workbook.xml" '
    'Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument"/>'
).encode()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (an_archive({TYPES: b'<Types>ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"'}), ".xlsb"),
        (with_parts(a_workbook(), {"_rels/.rels": STRICT}), "Strict"),
        (an_archive({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), ".ods"),
        (an_archive({"Index/Document.iwa": b"x"}), ".numbers"),
        (b"ID;PWXL;N;E\r\n", ".slk"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "2003"),
    ],
)
def test_a_spreadsheet_of_another_format_is_told_apart_by_name_with_the_remedy(body: bytes, name: str) -> None:
    assert refusal_of(body) == "other_format"
    with pytest.raises(Problem) as caught:
        read(body, REFERENCE, RowDefaults())
    fault = caught.value.faults[0]
    assert name in fault.text("vi")
    assert "(*.xlsx)" in fault.text("en")


def test_a_template_of_excel_is_read_as_a_workbook() -> None:
    upload = read(with_type("spreadsheetml.template.main"), REFERENCE, RowDefaults())
    assert [row.item["unit"] for row in upload.rows] == ["06280"]


def test_a_hyperlink_in_a_cell_is_harmless() -> None:
    assert read(a_link("External", "hyperlink"), REFERENCE, RowDefaults()).rows


def a_bomb(entity: str) -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    rows = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{entity}</t></is></c></row>'
    return f'<?xml version="1.0"?>{doctype}<worksheet {NS}><sheetData>{rows}</sheetData></worksheet>'.encode()


@pytest.mark.parametrize("entity", ["&l9;", "&file;"])
@pytest.mark.parametrize("part", [SHEET, STYLES, "xl/workbook.xml", TYPES])
def test_entities_are_never_resolved(entity: str, part: str) -> None:
    body = with_parts(a_workbook(), {part: a_bomb(entity)})
    assert refusal_of(body) == "damaged_workbook"


@pytest.mark.parametrize("encoding", ["utf-16", "cp037"])
def test_an_encoding_in_which_tags_look_otherwise_is_refused(encoding: str) -> None:
    sheet = a_sheet("<row/>").replace(b'"1.0"', f'"1.0" encoding="{encoding}"'.encode())
    content = sheet.decode().encode("utf-16") if encoding == "utf-16" else sheet
    assert refusal_of(with_parts(a_workbook(), {SHEET: content})) == "damaged_workbook"


def test_a_million_rows_are_refused_without_being_read() -> None:
    for count, code in ((1_000_000, "unpacks_too_large"), (100_000, "too_many_rows")):
        rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, count + 1))
        assert refusal_of(with_parts(a_workbook(), {SHEET: a_sheet(rows)})) == code
    assert refusal_of(b"unit;period;households\n" + b"06280;2023-06;1\n" * 600_000) == "too_long"


def test_a_cell_far_below_is_refused_without_counting_to_it() -> None:
    rows = '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'
    assert refusal_of(with_parts(a_workbook(), {SHEET: a_sheet(rows)})) == "too_many_rows"


def test_too_many_columns_are_refused() -> None:
    assert refusal_of(a_workbook(header=[f"c{n}" for n in range(400)])) == "too_many_columns"
    assert refusal_of(a_csv(header=[f"c{n}" for n in range(400)])) == "too_many_columns"


def test_more_rows_than_one_batch_takes_are_refused() -> None:
    assert (
        refusal_of(a_csv(*(("06280", f"{1 + n % 12}/{1990 + n // 12}", 1, 1, 1) for n in range(1100))))
        == "too_many_rows"
    )


def test_more_cells_than_any_template_has_are_refused_without_being_read() -> None:
    noise = noise_of(40_000)  # by which the whole file is not compressed as much as a bomb is
    sheet = a_sheet("".join(f'<row r="{row}">{"<c/>" * 300}</row>' for row in range(1, 1001)))
    assert refusal_of(with_parts(a_workbook(), {SHEET: sheet, "docProps/noise.bin": noise})) == "unpacks_too_large"


@pytest.mark.parametrize("ending", ["bin", "png", "dat", "XML5", "rels2"])
@pytest.mark.parametrize(
    ("prolog", "encoding"),
    [
        ("", "utf-8"), ("\ufeff \n", "utf-8"), ("<!DOCTYPE x>", "utf-8"),
        ('<?xml version="1.0" encoding="utf-16"?>', "utf-16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cells", [400_000, 1])
def test_a_sheet_under_another_name_is_checked_as_well(ending: str, prolog: str, encoding: str, cells: int) -> None:
    sheet = a_sheet(f"<row>{'<c/>' * cells}</row>").decode().partition("?>")[2]
    other = f"sheet1.{ending}".encode()
    hidden = {f"xl/worksheets/sheet1.{ending}": (prolog + sheet).encode(encoding), "docProps/noise": noise_of(40_000)}
    for part in (TYPES, "xl/_rels/workbook.xml.rels"):
        hidden[part] = part_of(a_workbook(), part).replace(b"sheet1.xml", other)
    is_plain = not prolog.strip("\ufeff \n")
    expected = "unpacks_too_large" if cells > 1 else "no_header" if is_plain else "damaged_workbook"
    assert refusal_of(with_parts(a_workbook(), hidden)) == expected


SHARED = "xl/sharedStrings.xml"
_SHARED_TYPE = (
    f'<Override PartName="/{SHARED}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.'
)
_SHARED_TYPE += 'sharedStrings+xml"/></Types>'


@pytest.mark.parametrize("text", ["a b " * 8_000, "x" + " " * 32_000 + "x", "０ " * 16_000, "(" * 32_000])
@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_long_text_that_stands_in_many_cells_is_refused_without_being_looked_at(
    text: str, *, is_hidden: bool
) -> None:
    cells = '<c t="s"><v>0</v></c>' * 50
    sheet = a_sheet("".join(f'<row r="{row}">{cells}</row>' for row in range(1, 61)))
    parts = {
        SHARED: f'<sst {NS} count="1"><si><t xml:space="preserve">{text}</t></si></sst>'.encode(),
        TYPES: part_of(a_workbook(), TYPES).replace(b"</Types>", _SHARED_TYPE.encode()),
        SHEET: sheet,
        "docProps/noise": noise_of(40_000),
    }
    if is_hidden:
        workbook = part_of(a_workbook(), "xl/workbook.xml")
        parts["xl/workbook.xml"] = workbook.replace(b'state="visible"', b'state="hidden"')
    assert refusal_of(with_parts(a_workbook(), parts)) == "too_long"


@pytest.mark.parametrize("around", ["<!-- {} -->", "<x><![CDATA[{}]]></x>"])
@pytest.mark.parametrize("tag", ["row", "c"])
def test_what_only_looks_like_tags_takes_no_time(around: str, tag: str) -> None:
    """Each of them would be looked through to the end of the sheet."""
    sheet = part_of(a_workbook(), SHEET)
    full = sheet.replace(b"</sheetData>", b"</sheetData>" + around.format(f"<{tag} " * 200_000).encode())
    assert read(
        with_parts(a_workbook(), {SHEET: full, "docProps/noise": noise_of(90_000)}), REFERENCE, RowDefaults()
    ).rows


@pytest.mark.parametrize("written", ["[" * 300_000, ";" * 300_000, "0," * 100_000, "&quot;" * 2_000])
@pytest.mark.parametrize("part", [STYLES, SHEET.replace("xml", "dat")])
def test_a_format_of_numbers_that_is_longer_than_excel_takes_is_refused(written: str, part: str) -> None:
    styles = part_of(a_workbook(), STYLES)
    formats = f'<numFmts count="1"><numFmt numFmtId="200" formatCode = \'{written}\'/></numFmts><fonts'
    content = styles.replace(b"<fonts", formats.encode(), 1)
    assert (
        refusal_of(with_parts(a_workbook(), {part: content, "docProps/noise": noise_of(40_000)})) == "damaged_workbook"
    )


def test_many_blanks_within_a_text_take_no_time() -> None:
    rows = f"unit;period;a{' ' * 60_000}b\n" * 20
    assert refusal_of(rows.encode()) == "no_header"


def test_a_picture_made_of_tags_is_harmless() -> None:
    picture = b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<path/>" * 1_000 + b"</svg>"
    assert read(with_parts(a_workbook(), {"xl/media/image1.svg": picture}), REFERENCE, RowDefaults()).rows


def test_more_formats_than_excel_knows_are_refused_without_being_read() -> None:
    noise = noise_of(40_000)
    styles = part_of(a_workbook(), STYLES).replace(b"</cellXfs>", b"<xf/>" * 300_000 + b"</cellXfs>")
    assert refusal_of(with_parts(a_workbook(), {STYLES: styles, "docProps/noise.bin": noise})) == "unpacks_too_large"


def test_a_formula_that_takes_minutes_to_take_apart_is_never_looked_at() -> None:
    formula = "+".join(["A1"] * 100_000)
    cells = "".join(f'<c r="A{n}"><f t="shared" si="0"/><v>1</v></c>' for n in range(3, 4))
    first = f'<row r="2"><c r="A2"><f t="shared" ref="A2:A9999" si="0">{formula}</f><v>1</v></c></row>'
    rest = "".join(f'<row r="{n}">{cells.replace("A3", f"A{n}")}</row>' for n in range(3, 1500))
    assert refusal_of(with_parts(a_workbook(), {SHEET: a_sheet(first + rest)})) == "no_header"


@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-0", "nan"])
def test_numbers_beyond_measure_break_nothing(number: str) -> None:
    sheet = part_of(a_workbook(), SHEET).replace(b"<v>1204</v>", f"<v>{number}</v>".encode())
    _read_or_refuse(with_parts(a_workbook(), {SHEET: sheet}))


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _read_or_refuse(body)


@given(st.text(alphabet="unit;,\t\"'\n\r#=06280/2023 hoộ\x00", max_size=200))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refuse(b"unit;period;households\n06280;2023-06;12\n" + text.encode())


@given(st.integers(0, 5000), st.integers(0, 255))
@settings(max_examples=200)
def test_a_workbook_with_any_byte_changed_is_read_or_refused(position: int, value: int) -> None:
    body = bytearray(a_workbook())
    body[position % len(body)] = value
    _read_or_refuse(bytes(body))


@given(st.integers(0, 5000), st.text(alphabet='<>&"/=crvtsi09A', max_size=8))
@settings(max_examples=200)
def test_a_sheet_with_anything_put_in_is_read_or_refused(position: int, text: str) -> None:
    sheet = part_of(a_workbook(), SHEET)
    at = position % len(sheet)
    _read_or_refuse(with_parts(a_workbook(), {SHEET: sheet[:at] + text.encode() + sheet[at:]}))


def _read_or_refuse(body: bytes) -> None:
    problem = None
    try:
        read(body, REFERENCE, RowDefaults())
    except Problem as raised:
        problem = raised
    assert problem is None or (problem.kind is Problems.FILE_REFUSED and problem.document("vi")["detail"])


def test_a_password_on_the_sheets_is_no_obstacle() -> None:
    def protect(workbook: Any) -> None:
        workbook.worksheets[0].protection.set_password("secret")

    assert read(edited(a_workbook(ROW), protect), REFERENCE, RowDefaults()).rows


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'<row r="3"', b'<row r="2"'), (b'<row r="3"', b'<row r="1"'), (b'r="C3"', b'r="D3"')],
)
def test_rows_and_cells_that_stand_twice_are_refused_instead_of_lost(old: bytes, new: bytes) -> None:
    body = a_workbook(ROW, ("06283", "6/2023", 900, 90, 60))
    sheet = part_of(body, SHEET)
    assert refusal_of(with_parts(body, {SHEET: sheet.replace(old, new)})) == "damaged_workbook"
