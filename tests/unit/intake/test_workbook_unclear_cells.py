"""Merged, hidden and calculated figures, other formats of numbers, and the rows that every form has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import Color, Font, PatternFill
from openpyxl.worksheet.formula import ArrayFormula

from services.intake.workbook import RowDefaults, Upload
from services.intake.workbook import read as read_file
from shared.contracts.period import Period
from shared.problems import Problem
from shared.reference.load import load
from tests.workbooks import HEADER, ROW, a_csv, a_workbook, edited

REFERENCE = load()
NEXT = ("06283", "6/2023", 900, 90, 60)
LAST = ("06286", "6/2023", 800, 80, 50)
FORM = ("STT", "Mã", "Đơn vị", "Tổng số hộ", "Hộ nghèo")


def read(body: bytes, edit: Callable[[Any], object] = lambda sheet: None) -> Upload:
    def edit_sheet(workbook: Workbook) -> None:
        edit(workbook.worksheets[0])

    return read_file(edited(body, edit_sheet), REFERENCE, RowDefaults(period=Period.parse("2023-06")))


def found_in(upload: Upload) -> list[tuple[str | None, str, object]]:
    return [(one.cell, one.fault.kind.code, one.fault.details.get("range")) for one in upload.faults]


def skipped(upload: Upload) -> list[tuple[str, str | None]]:
    return [(part.kind.code, part.cell) for part in upload.skipped]


@pytest.mark.parametrize(
    ("cells", "place"), [("C2:C3", "C2:C3"), ("C2:C4", "C2:C4"), ("D2:E2", "D2:E2"), ("A2:A3", "A2:A3")]
)
def test_merged_figures_are_told_with_their_range(cells: str, place: str) -> None:
    upload = read(a_workbook(ROW, NEXT, LAST), lambda sheet: sheet.merge_cells(cells))
    assert (place.partition(":")[0], "merged_figures", place) in found_in(upload)
    assert place in upload.faults[-1].fault.text("vi")


def test_a_merged_title_district_or_remark_is_no_fault() -> None:
    header = ("Xã", "Huyện", "Tổng số hộ", "#ghi chú")
    body = a_workbook(("Điềm He", "Văn Quan", 1204), ("Hòa Bình", None, 900), header=header)

    def merge(sheet: Any) -> None:
        sheet.merge_cells("B2:B3")
        sheet.merge_cells("C3:D3")

    upload = read(body, merge)
    assert upload.faults == []
    assert [row.item["unit"] for row in upload.rows] == ["06280", "06274"]


def test_hidden_rows_and_columns_with_figures_are_told_with_their_range() -> None:
    def hide(sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = True
        sheet.column_dimensions["D"].hidden = True

    upload = read(a_workbook(ROW, NEXT, LAST), hide)
    assert found_in(upload) == [("C3", "hidden_figures", "C3:E4"), ("D2", "hidden_figures", "D2:D4")]


def test_what_is_too_small_to_be_seen_is_hidden() -> None:
    def shrink(sheet: Any) -> None:
        sheet.row_dimensions[3].height = 0.75
        sheet.column_dimensions["D"].width = 0.08

    upload = read(a_workbook(ROW, NEXT), shrink)
    assert found_in(upload) == [("C3", "hidden_figures", "C3:E3"), ("D2", "hidden_figures", "D2:D3")]


@pytest.mark.parametrize(
    ("font", "code"),
    [
        (Font(color="FFFFFFFF"), "hidden_figures"),
        (Font(color=Color(theme=0)), "hidden_figures"),
        (Font(strike=True), "struck_figures"),
    ],
)
def test_white_and_struck_figures_are_told_with_their_range(font: Font, code: str) -> None:
    def write(sheet: Any) -> None:
        sheet["C2"].font = sheet["C3"].font = font
        sheet["A1"].font = font

    assert found_in(read(a_workbook(ROW, NEXT), write)) == [("C2", code, "C2:C3")]


def test_white_figures_on_another_colour_are_seen() -> None:
    def write(sheet: Any) -> None:
        sheet["C2"].font = Font(color="FFFFFFFF")
        sheet["C2"].fill = PatternFill("solid", fgColor="FF1F4E78")

    assert read(a_workbook(), write).faults == []


def test_hidden_rows_and_columns_without_figures_are_none_of_our_business() -> None:
    def hide(sheet: Any) -> None:
        sheet.row_dimensions[9].hidden = True
        sheet.column_dimensions["A"].hidden = True
        sheet.column_dimensions["H"].hidden = True

    assert read(a_workbook(ROW), hide).faults == []


def test_a_hidden_sheet_with_figures_is_named_and_not_read() -> None:
    def add(workbook: Workbook) -> None:
        for title, rows in (("Tháng trước", (HEADER, NEXT)), ("Danh mục", (("a", "b"), (1, 2)))):
            sheet = workbook.create_sheet(title)
            sheet.sheet_state = "hidden"
            for row in rows:
                sheet.append(row)

    upload = read_file(edited(a_workbook(), add), REFERENCE, RowDefaults())
    assert [row.item["unit"] for row in upload.rows] == ["06280"]
    assert [(part.kind.code, part.sheet, part.cell) for part in upload.skipped] == [
        ("hidden_sheet", "Tháng trước", None)
    ]


def test_a_sheet_with_numbers_and_no_header_is_named_and_not_read() -> None:
    def add(workbook: Workbook) -> None:
        for title, rows in (("Huyện 2", (("Mã xã", "Hộ ngheo"), ("06283", 90))), ("Ghi chú", (("a", "b"), ("c", "d")))):
            sheet = workbook.create_sheet(title)
            for row in rows:
                sheet.append(row)

    def misname(workbook: Workbook) -> None:
        add(workbook)
        workbook["Huyện 2"]["B1"] = "Hộ nghèo đa chiều"

    upload = read_file(edited(a_workbook(), misname), REFERENCE, RowDefaults())
    assert [(part.kind.code, part.sheet) for part in upload.skipped] == [("sheet_without_header", "Huyện 2")]


def test_formulas_are_told_once_for_each_range() -> None:
    rows = (("06280", "6/2023", "=1+1", 131, 88), ("06283", "6/2023", "=2+2", 90, 60))
    upload = read(a_workbook(*rows, LAST))
    assert found_in(upload) == [("C2", "formula_in_cell", "C2:C3")]


def test_every_cell_of_an_array_formula_is_a_formula() -> None:
    def calculate(sheet: Any) -> None:
        sheet["C2"] = ArrayFormula("C2:C3", "=D2:D3*2")

    assert ("C2", "formula_in_cell", "C2:C3") in found_in(read(a_workbook(ROW, NEXT), calculate))


@pytest.mark.parametrize(
    "number_format",
    [
        "0%",
        "0.00%",
        '#,##0,"k"',
        "#,##0,,",
        '0 "%";[Red]0%',
        '0"000"',
        "0\\0",
        '0" nghìn"',
        '0" triệu đồng"',
        '"-"0',
        ";;;",
        '""',
        "0\u2030",
        "[>=1000]0.0,;0",
    ],
)
def test_a_number_that_is_shown_as_another_is_told(number_format: str) -> None:
    upload = read(a_workbook(), lambda sheet: setattr(sheet["C2"], "number_format", number_format))
    is_shown_as_it_is = number_format.startswith('0 "%"')
    assert [code for _, code, _ in found_in(upload)] == ([] if is_shown_as_it_is else ["shown_otherwise"])


@pytest.mark.parametrize(
    "number_format",
    [
        "#,##0",
        "0.00",
        '#,##0 "hộ"',
        "#,##0_);[Red](#,##0)",
        '_-* #,##0\\ "₫"_-;\\-* #,##0\\ "₫"_-;_-* "-"??_-',
        '[=0]"-";0',
        "00000",
    ],
)
def test_a_number_that_is_shown_as_it_is_is_taken(number_format: str) -> None:
    assert read(a_workbook(), lambda sheet: setattr(sheet["C2"], "number_format", number_format)).faults == []


def test_the_rows_that_every_form_has_are_passed_over_and_said_so() -> None:
    rows = (
        ("A", "B", "C", 1, "2=1+1"),
        (1, "06280", "UBND xã Điềm He", 1204, 131),
        (2, "06283", None, 900, 90),
        ("Tổng cộng", None, None, "=D4+D5", "=E4+E5"),
        (None, None, None, None, "Văn Quan, ngày 5 tháng 7 năm 2023"),
        (None, "Người lập biểu", None, None, "KT. CHỦ TỊCH"),
        (None, None, None, None, "(Ký, ghi rõ họ tên)"),
        (None, "Nguyễn Văn A", None, None, "Trần Thị B"),
    )
    upload = read(a_workbook(*rows, header=FORM))
    assert upload.faults == []
    assert [row.item["unit"] for row in upload.rows] == ["06280", "06283"]
    assert skipped(upload) == [("numbers_of_columns", "A2"), ("total", "A5"), ("signature", "E6")]
    assert "Tổng cộng" in upload.skipped[1].kind.text(upload.skipped[1].value, "vi")


@pytest.mark.parametrize(
    "words",
    [
        "Tổng cộng",
        "TỔNG SỐ:",
        "Cộng",
        "Toàn huyện",
        "I. Tổng cộng",
        "Total",
        "Tổng cộng (2 xã)",
        "Tổng số toàn huyện",
        "Cộng huyện Văn Quan",
        "Cộng I",
        "Cộng mục I",
        "Cộng dồn",
        "T. cộng",
        "Tổng các xã",
        "Cộng 17 xã",
        "Tổng khu vực III",
        "Lũy kế từ đầu năm",
        "Trong đó: xã biên giới",
        "Bình quân chung",
        "Tỷ lệ (%)",
        "Sub-total",
    ],
)
def test_totals_are_recognised(words: str) -> None:
    upload = read_csv(a_csv(("06280", "", 1204), ("", words, 1204), header=("Mã", "Đơn vị", "Tổng số hộ")))
    assert (upload.faults, skipped(upload)) == ([], [("total", "B3")])


def test_a_row_of_words_without_a_unit_is_passed_over_and_said_so() -> None:
    rows = ((None, None, None, "(hộ)", "(hộ)"), (1, "06280", "Điềm He", 1204, 131), (None, None, None, None, "Trần B"))
    upload = read(a_workbook(*rows, header=FORM))
    assert (upload.faults, skipped(upload)) == ([], [("without_figures", "D2"), ("without_figures", "E4")])


def test_an_answer_without_a_unit_is_told() -> None:
    header = ("Mã", "Đơn vị", "gender_equality_18_5")
    upload = read_csv(a_csv(("06280", "Điềm He", "Có"), ("", "", "Không"), header=header))
    assert [code for _, code, _ in found_in(upload)] == ["missing"]


def test_figures_without_a_unit_are_no_total() -> None:
    body = a_csv(("06280", "Điềm He", 1204), ("", "Tổng Đọt", 9), ("", "", 5), header=("Mã", "Đơn vị", "Tổng số hộ"))
    assert [code for _, code, _ in found_in(read_csv(body))] == ["unknown_unit_name", "missing"]


def read_csv(body: bytes) -> Upload:
    return read_file(body, REFERENCE, RowDefaults(period=Period.parse("2023-06")))


def test_a_file_of_totals_alone_has_no_rows() -> None:
    with pytest.raises(Problem) as caught:
        read_csv(a_csv(("Tổng cộng", 9), header=("Đơn vị", "Tổng số hộ")))
    assert caught.value.faults[0].kind.code == "no_rows"
