"""The period of a file stands once: column, title, name of the sheet, template and request may not disagree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from services.intake.workbook import RowDefaults, Upload
from services.intake.workbook import read as read_file
from shared.contracts.period import Period
from shared.reference.load import load
from tests.unit.intake.test_workbook_template import a_template, fill
from tests.workbooks import a_workbook, edited

REFERENCE = load()
APRIL, MAY = Period.parse("2023-04"), Period.parse("2023-05")
HEADER = ("Mã", "Kỳ", "Tổng số hộ")
WITHOUT = ("Mã", "Tổng số hộ")


def read(body: bytes, period: Period | None = None) -> Upload:
    return read_file(body, REFERENCE, RowDefaults(period=period))


def periods(upload: Upload) -> list[str]:
    return [row.item["period"] for row in upload.rows]


def faults(upload: Upload) -> list[tuple[str | None, str]]:
    return [(found.cell, found.fault.kind.code) for found in upload.faults]


def titled(title: str, header: tuple[str, ...] = WITHOUT, *rows: tuple[Any, ...], sheet: str = "Sheet1") -> bytes:
    return a_workbook(header, *(rows or (("06280", 1204),)), header=(title,), title=sheet)


@pytest.mark.parametrize(
    ("number_format", "period"),
    [
        ("yyyy", "2022"),
        ('"năm" yyyy', "2022"),
        ("mm/yyyy", "2022-01"),
        ("[$-42A]mmm\\-yy", "2022-01"),
        ('"tháng" mm "năm" yyyy;@', "2022-01"),
        ("dd/mm/yyyy", "2022-01-03"),
        ("dd/mm/yyyy hh:mm", "2022-01-03"),
    ],
)
def test_a_date_is_the_period_that_its_cell_shows(number_format: str, period: str) -> None:
    body = a_workbook(("06280", datetime(2022, 1, 3), 1204), header=HEADER)  # noqa: DTZ001 - cells have no zone
    shown = edited(body, lambda workbook: setattr(workbook.worksheets[0]["B2"], "number_format", number_format))
    assert periods(read(shown)) == [period]


@pytest.mark.parametrize("number_format", ["dd/mm", "d-mmm", "mmmm"])
def test_a_date_that_shows_no_year_is_no_period(number_format: str) -> None:
    body = a_workbook(("06280", datetime(2022, 1, 3), 1204), header=HEADER)  # noqa: DTZ001 - cells have no zone
    shown = edited(body, lambda workbook: setattr(workbook.worksheets[0]["B2"], "number_format", number_format))
    assert faults(read(shown)) == [("B2", "period_not_read")]


def merge(cells: str) -> Callable[[Workbook], None]:
    return lambda workbook: workbook.worksheets[0].merge_cells(cells)


TWO_ROWS = (("06280", "4/2023", 1204), ("06283", None, 900))


@pytest.mark.parametrize("edit", [merge("B2:B3"), lambda _: None])
def test_a_period_that_is_merged_or_filled_in_once_is_that_of_every_row(edit: Callable[[Workbook], None]) -> None:
    upload = read(edited(a_workbook(*TWO_ROWS, header=HEADER), edit))
    assert (periods(upload), upload.faults) == (["2023-04", "2023-04"], [])


def test_a_period_column_against_the_chosen_period_is_told_once() -> None:
    upload = read(a_workbook(*TWO_ROWS, header=HEADER), MAY)
    assert faults(upload) == [("B2", "periods_disagree")]
    text = upload.faults[0].fault.text("vi")
    assert "tháng 4/2023" in text
    assert "tháng 5/2023" in text
    assert "kỳ đã chọn khi gửi" in text


def test_a_blank_among_several_periods_is_told() -> None:
    rows = (("06280", "4/2023", 1), ("06283", "5/2023", 2), ("06286", None, 3))
    assert faults(read(a_workbook(*rows, header=HEADER))) == [("B4", "period_incomplete")]


def test_rows_may_each_name_a_period_of_their_own() -> None:
    rows = (("06280", "4/2023", 1), ("06280", "5/2023", 2))
    assert periods(read(a_workbook(*rows, header=HEADER))) == ["2023-04", "2023-05"]


@pytest.mark.parametrize(
    "title",
    [
        "BÁO CÁO THÁNG 4/2023",
        "Kết quả rà soát hộ nghèo tháng 4 năm 2023",
        "Kỳ báo cáo: 4/2023",
        "Kỳ: tháng 04 năm 2023 (Ban Chỉ đạo)",
        "Số liệu T4.2023",
        "Tháng 4 (năm 2023)",
        "BÁO CÁO THÁNG IV NĂM 2023",
        "Báo cáo tháng tư năm 2023",
        "Tháng 4/23",
        "T4/23",
        "(4/2023)",
        "Số liệu 4/2023",
        "Tháng báo cáo: 4/2023",
        "Từ ngày 01/4/2023 đến ngày 30/4/2023",
        "Số liệu tháng 3/2023 (kỳ trước) và tháng 4/2023",
        "So với cùng kỳ tháng 4/2022; tháng 4/2023",
        "Báo cáo tháng 4 và 4 tháng đầu năm 2023",
        "Monthly report, April 2023",
    ],
)
def test_a_title_names_the_period_where_nothing_else_does(title: str) -> None:
    assert periods(read(titled(title))) == ["2023-04"]
    assert faults(read(titled(title), MAY)) == [("A1", "periods_disagree")]
    assert faults(read(titled(title), APRIL)) == []


@pytest.mark.parametrize(
    "title",
    [
        "Theo Quyết định số 318/QĐ-TTg ngày 08/3/2022, tháng 3/2022",
        "Lạng Sơn, ngày 5 tháng 7 năm 2023",
        "Kế hoạch năm 2023",
        "So với tháng 3/2023",
        "Biểu số 04/2023",
        "Số liệu tổng hợp hằng tháng năm 2023",
        "Tính đến ngày 05/6/2023",
    ],
)
def test_dates_of_other_matters_are_no_period(title: str) -> None:
    assert faults(read(titled(title))) == [("A2", "no_period")]
    assert periods(read(titled(title), MAY)) == ["2023-05"]


def test_the_name_of_a_sheet_is_heeded_too() -> None:
    assert faults(read(titled("Số liệu", sheet="Tháng 4"), MAY)) == [("A2", "periods_disagree")]
    assert periods(read(titled("Số liệu", sheet="Tháng 4.2023"))) == ["2023-04"]
    assert faults(read(titled("Tháng 5/2023", sheet="Tháng 4"))) == [("A2", "periods_disagree")]
    assert faults(read(titled("Số liệu", sheet="Quý III"), Period.parse("2023-Q2"))) == [("A2", "periods_disagree")]


def test_a_title_against_the_column_is_told_at_the_row() -> None:
    body = titled("Tháng 5/2023", HEADER, ("06280", "4/2023", 1204))
    assert faults(read(body)) == [("B3", "periods_disagree")]
    assert "ô A1" in read(body).faults[0].fault.text("vi")


def test_a_wider_title_agrees_with_its_months() -> None:
    assert faults(read(titled("Quý II/2023", HEADER, ("06280", "4/2023", 1204)))) == []
    assert faults(read(titled("Quý I/2023", HEADER, ("06280", "4/2023", 1204)))) == [("B3", "periods_disagree")]


def test_a_template_whose_title_was_rewritten_is_told() -> None:
    filled = fill(a_template(), C11=1204)
    assert faults(read(fill(filled, A1="Số liệu tháng 5/2023: huyện Văn Quan"))) == [("A1", "periods_disagree")]
    assert faults(read(fill(filled, A1="Số liệu quý II/2023: huyện Văn Quan"))) == [("A1", "periods_disagree")]
    assert (faults(read(filled)), read(filled).skipped) == ([], [])


def test_another_templates_sheet_in_a_workbook_is_told() -> None:
    def add(workbook: Workbook) -> None:
        other = workbook.copy_worksheet(workbook["Số liệu"])
        other["A1"] = "Số liệu tháng 4/2023: huyện Cao Lộc"
        other["C11"] = None
        other["C12"] = 7

    upload = read(edited(fill(a_template(), C11=1204), add))
    assert [(found.sheet, found.cell, found.fault.kind.code) for found in upload.faults] == [
        ("Số liệu Copy", "A1", "periods_disagree")
    ]


@pytest.mark.parametrize(
    "title",
    [
        "Báo cáo tháng 4, 5 năm 2023",
        "Tháng 4-5/2023",
        "Báo cáo tháng 4/2023 và tháng 5/2023",
        "Quý I và quý II/2023",
        "Quý I, II năm 2023",
        "Từ tháng 1 đến tháng 5/2023",
        "9 tháng đầu năm 2023",
        "6 tháng 2023",
        "Số liệu đến ngày 30/4/2023",
    ],
)
def test_several_months_are_no_period_and_belie_each_of_them(title: str) -> None:
    assert faults(read(titled(title))) == [("A2", "no_period")]
    assert faults(read(titled(title), MAY)) == [("A1", "periods_disagree")]


def test_several_months_agree_with_a_column_that_names_each() -> None:
    rows = (("06280", "4/2023", 1204), ("06283", "5/2023", 900))
    for title in ("Tháng 4, 5 năm 2023", "5 tháng đầu năm 2023", "Quý II/2023", "Số liệu đến 31/5/2023"):
        assert faults(read(titled(title, HEADER, *rows))) == []
    assert faults(read(titled("3 tháng đầu năm 2023", HEADER, *rows)))[0] == ("B3", "periods_disagree")


def test_a_wider_title_is_no_title_of_the_chosen_month() -> None:
    assert faults(read(titled("Quý II năm 2023"), MAY)) == [("A1", "periods_disagree")]
    assert faults(read(titled("Báo cáo năm 2023"), MAY)) == []
    assert faults(read(titled("Báo cáo 6 tháng đầu năm 2023"), Period.parse("2023-H1"))) == []
    assert faults(read(titled("6T đầu năm 2023"), Period.parse("2023-H1"))) == []


@pytest.mark.parametrize(
    ("name", "is_other"),
    [
        ("T4", True),
        ("T4 (2)", True),
        ("Thang_4_2023", True),
        ("thang4", True),
        ("QII", True),
        ("quy1_2023", True),
        ("Tháng IV", True),
        ("Tháng tư", True),
        ("T5", False),
        ("Biểu 4", False),
        ("4", False),
    ],
)
def test_names_of_sheets_are_read_as_people_shorten_them(name: str, *, is_other: bool) -> None:
    expected = [("A2", "periods_disagree")] if is_other else []
    assert faults(read(titled("Số liệu", sheet=name), MAY)) == expected


def test_month_and_year_in_cells_of_their_own_are_one_period() -> None:
    rows = [("Tháng:", 4, "Năm:", 2023), WITHOUT, ("06280", 1204)]
    body = a_workbook(*rows[1:], header=rows[0])
    assert periods(read(body)) == ["2023-04"]
    assert faults(read(body, MAY)) == [("A1", "periods_disagree")]
    two = a_workbook(("Tháng 4",), WITHOUT, ("06280", 1204), header=("Năm 2023",))
    assert (periods(read(two)), faults(read(two))) == (["2023-04"], [])


def test_headers_and_headings_below_them_are_heeded_too() -> None:
    assert faults(read(a_workbook(("06280", 1204), header=("Mã", "Tổng số hộ (tháng 4/2023)")), MAY)) == [
        ("B1", "periods_disagree")
    ]
    blocks = a_workbook(
        ("I. Tháng 5/2023", None), ("06280", 1), ("II. Tháng 4/2023", None), ("06283", 2), header=WITHOUT
    )
    assert faults(read(blocks, MAY)) == [("A4", "periods_disagree")]
    notes = a_workbook(("06280", 1), ("Ghi chú: tháng 4/2023 xã chưa báo cáo", None), header=WITHOUT)
    assert faults(read(notes, MAY)) == []


@pytest.mark.parametrize(
    ("value", "number_format"),
    [(2023, '"Tháng 4/"0'), (datetime(2023, 4, 1), '"Quý II"/yyyy')],  # noqa: DTZ001 - cells have no zone
)
def test_a_period_of_which_the_format_says_more_is_told(value: object, number_format: str) -> None:
    body = a_workbook(("06280", value, 1204), header=HEADER)
    shown = edited(body, lambda workbook: setattr(workbook.worksheets[0]["B2"], "number_format", number_format))
    assert faults(read(shown)) == [("B2", "period_not_read")]
