"""Templates: their content, the figures that come back from them, and the faults that come back in their cells."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from services.intake.workbook import (
    Layout,
    PreviousFigure,
    RowDefaults,
    TemplateRequest,
    blank_lines,
    draw_marked,
    draw_template,
    plan_layout,
    read,
    saved,
)
from shared.contracts.period import Period
from shared.problems import Problem
from shared.reference.load import Reference, load
from tests.workbooks import a_csv, a_workbook, edited, part_of

REFERENCE = load()
JUNE = Period.parse("2023-06")
TOWN = "06253"  # thị trấn Văn Quan


def a_layout(*elements: str, unit: str = "184", period: Period = JUNE) -> Layout | None:
    found = REFERENCE.units.find(unit, period.end)
    assert found
    wanted = [REFERENCE.elements[code] for code in elements]
    return plan_layout(REFERENCE, TemplateRequest(found, period, "ntm-11"), wanted)


def a_template(*elements: str, unit: str = "184", reference: Reference = REFERENCE, **previous: int) -> bytes:
    layout = a_layout(*(elements or ("households", "poor_households")), unit=unit)
    assert layout
    earlier = {
        (one.key, code): PreviousFigure(Decimal(value), Period.parse("2023-05"))
        for one in layout.units
        for code, value in previous.items()
    }
    return saved(draw_template(layout, blank_lines(layout, reference, earlier), reference))


def opened(body: bytes) -> Workbook:
    return load_workbook(BytesIO(body))


def fill(body: bytes, **cells: Any) -> bytes:
    def write(workbook: Any) -> None:
        for name, value in cells.items():
            workbook["Số liệu"][name] = value

    return edited(body, write)


def marked(body: bytes, language: Any = "vi") -> bytes:
    upload = read(body, REFERENCE, RowDefaults())
    return saved(draw_marked(upload, upload.faults, REFERENCE, language))


def test_a_template_has_a_row_for_each_commune_then_each_town_and_an_input_for_each_element() -> None:
    sheet = opened(a_template())["Số liệu"]
    assert sheet["A1"].value == "Số liệu tháng 6/2023: huyện Văn Quan"
    assert [cell.value for cell in sheet[4]][:5] == ["Mã đơn vị", "Đơn vị", "Tổng số hộ", None, "Hộ nghèo"]
    assert sheet["C5"].value == "hộ\n0 – 20.000"
    codes = [sheet.cell(row, 1).value for row in range(7, sheet.max_row + 1)]
    assert codes == [*(unit.code for unit in REFERENCE.units.communes(JUNE.end, "184")), TOWN]
    assert (sheet.row_dimensions[6].hidden, sheet.freeze_panes) == (True, "C7")


def test_only_inputs_can_be_written_to() -> None:
    sheet = opened(a_template())["Số liệu"]
    assert sheet.protection.sheet
    unlocked = {cell.column_letter for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert unlocked == {"C", "E"}


def test_figures_of_the_period_before_stand_beside() -> None:
    sheet = opened(a_template(households=1200))["Số liệu"]
    assert (sheet["D5"].value, sheet["D7"].value) == ("Kỳ trước\ntháng 5/2023", 1200)
    assert sheet["F7"].value is None


def test_excel_itself_keeps_to_limits_and_to_yes_and_no() -> None:
    sheet = opened(a_template("households", "universal_education"))["Số liệu"]
    limits, choice = sheet.data_validations.dataValidation
    assert (limits.type, limits.formula1, limits.formula2) == ("whole", "0", "20000")
    assert (choice.type, choice.formula1) == ("list", '"Có,Không"')
    for rule in (limits, choice):
        assert rule.showErrorMessage
        assert " / " in rule.error
        assert len(rule.error) <= 255


def test_what_is_counted_for_the_unit_itself_has_a_row_and_the_rest_of_it_is_closed() -> None:
    sheet = opened(a_template("households", "jobs_found"))["Số liệu"]
    last = sheet.max_row
    assert sheet.cell(last, 1).value == "184"
    assert (sheet.cell(last, 3).protection.locked, sheet.cell(last, 5).protection.locked) == (True, False)


def test_a_province_wide_template_tells_the_districts() -> None:
    sheet = opened(a_template("households", unit="20"))["Số liệu"]
    assert (sheet["C4"].value, sheet["C7"].value) == ("Huyện, thành phố", "thành phố Lạng Sơn")
    assert sheet.max_row == 6 + 200


def test_a_town_is_asked_only_for_what_is_judged_in_the_whole_province() -> None:
    sheet = opened(a_template("households", "workers_men"))["Số liệu"]
    rows = {sheet.cell(row, 1).value: row for row in range(7, sheet.max_row + 1)}
    locked = [sheet.cell(rows[TOWN], column).protection.locked for column in (3, 5)]
    assert (sheet["C4"].value, locked) == ("Tổng số hộ", [False, True])
    of_labour = a_layout("workers_men")
    assert of_labour
    assert TOWN not in [unit.code for unit in of_labour.units]


def test_what_is_not_reported_for_such_periods_has_no_template() -> None:
    assert a_layout("households", period=Period.parse("2023-06-30")) is None
    assert a_layout("trusted_addresses_kept") is None


def test_a_template_for_one_commune_has_its_row() -> None:
    layout = a_layout("households", unit="06280")
    assert layout
    assert [unit.code for unit in layout.units] == ["06280"]


def test_sample_plans_are_marked_as_such() -> None:
    sample = replace(REFERENCE, plan=REFERENCE.plan.model_copy(update={"sample": True}))
    assert "SAMPLE" in opened(a_template(reference=sample))["Số liệu"]["A3"].value
    assert opened(a_template())["Số liệu"]["A3"].value is None


def test_the_guide_explains_in_both_languages() -> None:
    guide = opened(a_template())["Hướng dẫn"]
    text = " ".join(str(cell.value) for row in guide.iter_rows() for cell in row if cell.value)
    assert "Cách điền biểu này" in text
    assert "How to fill in this workbook" in text
    assert "poor_households" in text


def test_what_is_filled_in_comes_back() -> None:
    body = fill(a_template("households", "universal_education"), C11=1204, E11="Có", C12=0)
    upload = read(body, REFERENCE, RowDefaults())
    assert upload.faults == []
    assert [(row.item["unit"], row.item["readings"]) for row in upload.rows] == [
        ("06280", {"households": 1204, "universal_education": True}),
        ("06283", {"households": 0}),
    ]
    assert {row.item["period"] for row in upload.rows} == {"2023-06"}
    assert upload.rows[0].cells["/readings/households"] == "C11"


def test_a_blank_template_has_no_figures_even_where_those_before_stand_beside() -> None:
    with pytest.raises(Exception, match="nothing_filled"):
        read(a_template(households=1200), REFERENCE, RowDefaults())


def test_a_template_keeps_what_it_was_made_for_when_sheets_are_renamed_and_rows_deleted() -> None:
    def edit(workbook: Any) -> None:
        sheet = workbook["Số liệu"]
        sheet["C11"] = 1204
        sheet.delete_rows(7, 2)
        sheet.title = "Văn Quan"

    [row] = read(edited(a_template(), edit), REFERENCE, RowDefaults()).rows
    assert (row.item["unit"], row.item["period"], row.cells["/readings/households"]) == ("06280", "2023-06", "C9")


def test_a_template_sent_as_another_is_a_fault() -> None:
    body = fill(a_template(), C11=1204)
    asked = RowDefaults(unit="185", period=Period.parse("2023-07"))
    codes = [(found.fault.pointer, found.fault.kind.code) for found in read(body, REFERENCE, asked).faults]
    assert codes == [("/unit", "another_than_named"), ("/period", "another_than_named")]


def test_a_faulty_template_comes_back_as_a_template_with_its_faults_in_their_cells() -> None:
    workbook = opened(marked(fill(a_template(households=1200), C11="abc", C12=1300, E12="=C12")))
    sheet = workbook["Số liệu"]
    assert sheet["C11"].value == "abc"
    assert "không phải là số" in sheet["C11"].comment.text
    assert sheet["E12"].value is None
    assert "công thức" in sheet["E12"].comment.text
    assert sheet["C11"].fill.fgColor.rgb == sheet["E12"].fill.fgColor.rgb != sheet["C12"].fill.fgColor.rgb
    assert (sheet["C12"].value, sheet["C12"].comment, sheet["D12"].value) == (1300, None, 1200)
    assert sheet.protection.sheet
    listed = [[cell.value for cell in row] for row in workbook["Lỗi"].iter_rows(min_row=3)]
    assert [row[:4] for row in listed] == [
        ["Số liệu", "C11", "06280", "Tổng số hộ"],
        ["Số liệu", "E12", "06283", "Hộ nghèo"],
    ]


def test_a_marked_template_can_be_corrected_and_sent_again() -> None:
    again = fill(marked(fill(a_template(), C11="abc", E11=131)), C11=1204)
    upload = read(again, REFERENCE, RowDefaults())
    assert upload.faults == []
    assert [row.item["readings"] for row in upload.rows] == [{"households": 1204, "poor_households": 131}]


@pytest.mark.parametrize("make", [a_csv, a_workbook])
def test_any_other_file_comes_back_as_a_table_with_the_same_addresses(make: Callable[..., bytes]) -> None:
    workbook = opened(marked(make(("06280", "6/2023", "x", 131, 88)), "en"))
    sheet = workbook.worksheets[1]
    assert (sheet["A2"].value, sheet["C2"].value) == ("06280", "x")
    assert "is not a number" in sheet["C2"].comment.text


def cells_of(workbook: Workbook) -> Iterable[Any]:
    return (cell for sheet in workbook.worksheets for row in sheet.iter_rows() for cell in row if cell.value)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x","y")'])
def test_what_somebody_wrote_never_becomes_a_formula(text: str) -> None:
    body = marked(
        a_csv(
            ("06280", "6/2023", "'x", 131, 88),
            (text, "6/2023", 1, 1, 1),
            header=("Xã", "Kỳ", text, "Hộ nghèo", "Tổng số hộ"),
        )
    )
    assert all(cell.data_type != "f" for cell in cells_of(opened(body)))
    assert b"<f>" not in part_of(body, "xl/worksheets/sheet1.xml") + part_of(body, "xl/worksheets/sheet2.xml")


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=3, max_size=3))
def test_whatever_somebody_wrote_the_marked_file_can_be_opened_and_calculates_nothing(texts: list[str]) -> None:
    written = StringIO()
    csv.writer(written, delimiter=";").writerows([("Xã", "Kỳ", "Hộ nghèo", "Tổng số hộ"), (*texts, "?")])
    try:
        body = marked(written.getvalue().encode())
    except Problem:
        return
    assert all(cell.data_type != "f" for cell in cells_of(opened(body)))


def test_numbers_that_excel_cannot_keep_come_back_as_text() -> None:
    sheet = opened(marked(a_workbook(("06280", "6/2023", 10**30, 131, "x")))).worksheets[1]
    assert isinstance(sheet["C2"].value, str)


def test_control_characters_do_not_break_the_marked_file() -> None:
    opened(marked(a_csv(("06280", "6/2023", "a\x08b\x0b", 131, 88))))


@pytest.mark.parametrize("title", ["Lỗi", "Hướng dẫn", "a'b"])
def test_a_faulty_file_comes_back_whatever_its_sheets_are_called(title: str) -> None:
    opened(marked(a_workbook(("06280", "6/2023", "x", 131, 88), title=title)))
    opened(
        marked(edited(fill(a_template(), C11="x"), lambda workbook: setattr(workbook["Số liệu"], "title", title[::-1])))
    )
