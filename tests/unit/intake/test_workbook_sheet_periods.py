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
        "9 tháng đầu năm 2023",
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
