"""Filled workbooks and CSV files as submissions, each field with its cell, each fault in its place."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import pytest

from services.intake.workbook import RowDefaults, Upload
from services.intake.workbook import read as read_file
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.problems import Problem
from shared.reference.load import load
from shared.spreadsheet.delimited import BYTE_ORDER_MARK, write_lines
from tests.workbooks import HEADER, ROW, a_csv, a_workbook, edited

REFERENCE = load()
GOOD = {"households": 1204, "poor_households": 131, "near_poor_households": 88}
JUNE = RowDefaults(period=Period.parse("2023-06"))


def read(body: bytes, given: RowDefaults = RowDefaults()) -> Upload:
    return read_file(body, REFERENCE, given)


def faults_of(body: bytes, given: RowDefaults = RowDefaults()) -> list[tuple[str | None, str]]:
    """Return cell and code of each fault."""
    return [(found.cell, found.fault.kind.code) for found in read(body, given).faults]


def test_a_row_becomes_a_submission_that_knows_its_cells() -> None:
    upload = read(a_workbook(title="Tháng 6"))
    assert upload.faults == []
    [row] = upload.rows
    assert row.item == {"unit": "06280", "period": "2023-06", "stage": "reported", "readings": GOOD}
    assert (row.sheet, row.cells["/unit"], row.cells["/period"]) == ("Tháng 6", "A2", "B2")
    assert row.cells["/readings/near_poor_households"] == "E2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_csv_is_read_in_every_encoding_and_with_every_delimiter(encoding: str, delimiter: str) -> None:
    upload = read(a_csv(delimiter=delimiter, encoding=encoding))
    assert upload.faults == []
    assert [row.item["readings"] for row in upload.rows] == [GOOD]


def test_excels_own_word_for_the_delimiter_is_heeded() -> None:
    upload = read(b"sep=;\r\n" + a_csv())
    assert [row.item["readings"] for row in upload.rows] == [GOOD]
    assert upload.rows[0].cells["/unit"] == "A3"


def test_columns_may_be_called_by_code_or_by_name_with_or_without_diacritics() -> None:
    header = ("unit", "ky bao cao", "households", "HO NGHEO", "Near-poor households (households)")
    assert read(a_workbook(header=header)).rows[0].item["readings"] == GOOD


def test_a_title_above_the_header_and_remarks_beside_are_passed_over() -> None:
    header = ("STT", "Mã đơn vị", "Tổng số hộ", "Ghi chú", "#của tôi")
    body = a_workbook(header, (1, "06280", 1204, "đã kiểm tra", 7), header=("BÁO CÁO THÁNG 6",))
    upload = read(body, JUNE)
    assert upload.faults == []
    assert upload.rows[0].item["readings"] == {"households": 1204}


def test_a_blank_cell_is_not_reported_and_a_row_without_figures_is_none() -> None:
    upload = read(a_workbook(("06280", "6/2023", None, 131, " "), ("06283", "6/2023", None, None, None)))
    assert [row.item["readings"] for row in upload.rows] == [{"poor_households": 131}]
    assert upload.faults == []


def test_codes_that_excel_took_for_numbers_get_their_zero_back() -> None:
    assert read(a_workbook((6280, "6/2023", 1204, 131, 88))).rows[0].item["unit"] == "06280"
    assert read(a_csv(("6280", "6/2023", 1204, 131, 88))).rows[0].item["unit"] == "06280"


def test_periods_that_excel_took_for_dates_are_read_as_they_show() -> None:
    def with_format(shown: str) -> bytes:
        body = a_workbook(("06280", datetime(2023, 6, 1), 1204, 131, 88))  # noqa: DTZ001 - cells have no zone
        return edited(body, lambda workbook: setattr(workbook.worksheets[0]["B2"], "number_format", shown))

    assert read(with_format("mm/yyyy")).rows[0].item["period"] == "2023-06"
    assert read(with_format("dd/mm/yyyy")).rows[0].item["period"] == "2023-06-01"


def test_period_and_stage_come_from_the_request_where_the_file_does_not_say_them() -> None:
    body = a_workbook(("06280", 1204), header=("Mã", "Tổng số hộ"))
    [row] = read(body, RowDefaults(period=Period.parse("2023-Q2"), stage=Stage.VERIFIED)).rows
    assert (row.item["period"], row.item["stage"]) == ("2023-Q2", "verified")
    assert faults_of(body) == [("A1", "no_period")]


def test_a_stage_and_a_revision_may_stand_in_columns_of_their_own() -> None:
    header = ("Mã", "Kỳ", "Bước", "Lần sửa", "Tổng số hộ")
    [row] = read(a_workbook(("06280", "2023-06", "Thẩm tra", 2, 1204), header=header)).rows
    assert (row.item["stage"], row.item["revision"]) == ("verified", 2)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1.204", "131", "88"), GOOD),
        (("1,204", "131", "88"), GOOD),
        (("1 204", "131", "88"), GOOD),
        (("1204,0", "131", "88"), GOOD),
    ],
)
def test_figures_in_csv_are_read_as_people_write_them(cells: tuple[str, ...], expected: dict[str, Any]) -> None:
    upload = read(a_csv(("06280", "6/2023", *cells)))
    assert upload.faults == []
    assert upload.rows[0].item["readings"] == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("abc", "not_a_figure"),
        ("12 hộ", "not_a_figure"),
        ("=1+1", "formula_in_cell"),
        (True, "not_a_figure"),
        (datetime(2023, 1, 2), "a_date_in_cell"),  # noqa: DTZ001 - cells have no zone
        ("1.000", "ambiguous_number"),
    ],
)
def test_a_faulty_cell_is_named(value: Any, code: str) -> None:
    assert faults_of(a_workbook(("06280", "6/2023", value, 131, 88))) == [("C2", code)]


def test_an_ambiguous_figure_is_told_with_both_its_meanings() -> None:
    [found] = read(a_csv(("06280", "6/2023", "1.000", 131, 88))).faults
    assert "1000" in found.fault.text("vi")
    assert "1,000" in found.fault.text("vi")
    assert "1.000" in found.fault.text("en")
    assert (found.unit, found.element, found.value) == ("06280", "households", "1.000")


def test_a_formula_is_named_even_where_excel_has_calculated_it() -> None:
    assert faults_of(a_workbook(("=B2", "6/2023", 1204, 131, 88))) == [("A2", "formula_in_cell")]
    assert faults_of(a_csv(("06280", "6/2023", "=1204", 131, 88))) == [("C2", "formula_in_cell")]


@pytest.mark.parametrize(
    ("header", "cell", "code"),
    [
        (("Mã đơn vị", "Kỳ", "Tổng số hộ", "Tổng số hộ", "Hộ cận nghèo"), "D1", "repeated_column"),
        (("Mã đơn vị", "Kỳ", "Tổng số hộ", "households", "Hộ cận nghèo"), "D1", "repeated_column"),
        (("Mã đơn vị", "Kỳ", "Tổng số hộ", "Hộ ngèo", "Hộ cận nghèo"), "D1", "unknown_column"),
        (("Mã đơn vị", "Kỳ", "Tổng số hộ", None, "Hộ cận nghèo"), "D1", "unknown_column"),
    ],
)
def test_a_column_that_is_not_clear_is_named(header: tuple[Any, ...], cell: str, code: str) -> None:
    assert (cell, code) in faults_of(a_workbook(header=header))


def test_a_row_that_stands_twice_is_named_with_the_first() -> None:
    upload = read(a_workbook(ROW, ROW))
    assert [(found.cell, found.fault.kind.code) for found in upload.faults] == [("A3", "repeated_row")]
    assert "Sheet1!A2" in upload.faults[0].fault.text("vi")
    assert faults_of(a_workbook(ROW, ("06280", "5/2023", *ROW[2:]))) == []


def test_sheets_may_share_the_elements_of_a_unit_but_not_repeat_them() -> None:
    def second(header: tuple[str, ...], row: tuple[Any, ...]) -> bytes:
        def add(workbook: Any) -> None:
            sheet = workbook.create_sheet("2")
            sheet.append(header)
            sheet.append(row)

        return edited(a_workbook(), add)

    apart = second(("Mã", "Kỳ", "Số vụ bạo lực trên cơ sở giới"), ("06280", "6/2023", 0))
    assert [row.sheet for row in read(apart).rows] == ["Sheet1", "2"]
    assert faults_of(apart) == []
    assert faults_of(second(("Mã", "Kỳ", "Hộ nghèo"), ("06280", "6/2023", 1))) == [("A2", "repeated_row")]


def test_what_stands_in_hidden_sheets_is_not_read() -> None:
    def hide(workbook: Any) -> None:
        workbook.create_sheet("trống")
        workbook.worksheets[0].sheet_state = "hidden"

    with pytest.raises(Problem) as caught:
        read(edited(a_workbook(), hide))
    assert caught.value.faults[0].kind.code == "no_header"


NAMED = ("Xã", "Huyện", "Kỳ", "Tổng số hộ")


@pytest.mark.parametrize(
    ("name", "district"),
    [("Điềm He", "Văn Quan"), ("xã Điềm He", "huyện Văn Quan"), ("DIEM HE", ""), ("Hòa Bình", "Văn Quan")],
)
def test_a_unit_may_be_named_by_name_and_district(name: str, district: str) -> None:
    upload = read(a_csv((name, district, "6/2023", 1204), header=NAMED))
    assert upload.faults == []
    assert upload.rows[0].item["unit"] == ("06274" if name == "Hòa Bình" else "06280")


@pytest.mark.parametrize(
    "name",
    [
        "UBND xã Điềm He",
        "Ủy ban nhân dân xã Điềm He",
        "06280 - Điềm He",
        "06280. xã Điềm He",
        "6280 – Điềm He",
        "Điềm He (06280)",
        "Điềm He (Văn Quan)",
        "xã Điềm He, huyện Văn Quan",
        "X. Điềm He - H. Văn Quan",
        "xã Điềm He huyện Văn Quan",
        "Điềm He, huyện Văn Quan, tỉnh Lạng Sơn",
        "12. Điềm He",
        "- Xã: Điềm He",
        "\u00d0iềm He",
        "Điềm\u200b H\u0435",
    ],
)
def test_a_unit_may_be_named_as_people_name_it(name: str) -> None:
    upload = read(a_workbook((name, "6/2023", 1204), header=("Đơn vị", "Kỳ", "Tổng số hộ")))
    assert upload.faults == []
    assert upload.rows[0].item["unit"] == "06280"


@pytest.mark.parametrize(
    "code", ["06280 - Điềm He", "6280.0", "'06280", "\uff10\uff16\uff12\uff18\uff10", "06280\u200b"]
)
def test_a_code_may_be_written_as_programs_and_people_write_it(code: str) -> None:
    upload = read(a_csv((code, "2023.0", "1204.0", "131", "88")))
    assert upload.faults == []
    assert upload.rows[0].item == {"unit": "06280", "period": "2023", "stage": "reported", "readings": GOOD}


@pytest.mark.parametrize(
    ("name", "district"),
    [("06283 - Điềm He", ""), ("06280 - Điềm He (Cao Lộc)", ""), ("06280 - Điềm He", "Cao Lộc"), ("06280", "Cao Lộc")],
)
def test_a_code_that_belies_the_name_or_district_beside_it_is_told(name: str, district: str) -> None:
    assert faults_of(a_csv((name, district, "6/2023", 1204), header=NAMED)) == [("A2", "unit_disagrees")]


def test_headers_are_recognised_whatever_their_letters_only_look_like() -> None:
    header = ("M\u00e3 \u00f0ơn vị", "'Kỳ", "Tổng\u00a0số\u200b hộ", "H\u00adộ nghèo", "\uff28ộ cận nghèo")
    assert read(a_workbook(header=header)).rows[0].item["readings"] == GOOD


def test_a_code_in_the_column_of_names_is_a_code() -> None:
    assert read(a_csv(("06280", "", "6/2023", 1204), header=NAMED)).rows[0].item["unit"] == "06280"


def test_a_name_that_stands_in_several_districts_is_told_with_its_candidates() -> None:
    [found] = read(a_csv(("Hòa Bình", "", "6/2023", 1204), header=NAMED)).faults
    assert (found.cell, found.fault.kind.code) == ("A2", "ambiguous_unit")
    assert found.fault.text("vi").count("xã Hòa Bình") == 4
    assert "06274" in found.fault.text("en")


def test_a_name_is_looked_for_in_the_unit_that_the_file_is_for_first() -> None:
    body = a_csv(("Hòa Bình", "", "6/2023", 1204), header=NAMED)
    assert read(body, RowDefaults(unit="184")).rows[0].item["unit"] == "06274"


def test_a_name_that_no_unit_has_is_told() -> None:
    assert faults_of(a_csv(("Tổng Cột", "", "6/2023", 1204), header=NAMED)) == [("A2", "unknown_unit_name")]
    assert faults_of(a_csv(("", "", "6/2023", 1204), header=NAMED)) == [("A2", "missing")]


def test_a_code_beside_another_units_name_is_told() -> None:
    header = ("Mã", "Xã", "Kỳ", "Tổng số hộ")
    assert faults_of(a_csv(("06283", "Điềm He", "6/2023", 1), header=header)) == [("A2", "unit_disagrees")]
    assert faults_of(a_csv(("06280", "xã Điềm He", "6/2023", 1), header=header)) == []
    assert faults_of(a_csv(("06280", "thị trấn Điềm He", "6/2023", 1), header=header)) == [("A2", "unit_disagrees")]


def test_a_period_that_is_none_is_told() -> None:
    assert faults_of(a_csv(("06280", "13/2023", 1204, 131, 88))) == [("B2", "period_not_read")]


def test_a_file_without_a_header_or_without_figures_is_refused_whole() -> None:
    for body, code in (
        (a_csv(header=("a", "b", "c")), "no_header"),
        (a_csv(("06280", "6/2023", "", "", "")), "no_rows"),
    ):
        with pytest.raises(Problem) as caught:
            read(body)
        assert caught.value.faults[0].kind.code == code


def test_all_faults_of_a_file_are_found_at_once() -> None:
    body = a_workbook(("06280", "6/2023", "abc", 131, 88), ("Xã X", "6/2023", 1, "?", 3), header=HEADER)
    assert faults_of(body) == [("C2", "not_a_figure"), ("D3", "not_a_figure")]
    assert [row.item["unit"] for row in read(body).rows] == ["06280", "Xã X"]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_csv_file_for_people_is_read_back(delimiter: Any) -> None:
    rows = (HEADER, ("06280", "6/2023", 1204, "131", 88), ("=06283", "6/2023", 900, 90, "60"))
    body = BYTE_ORDER_MARK.encode() + write_lines(rows, delimiter)
    assert "Mã đơn vị".encode() in body
    assert b"'=06283" in body
    assert read(body).rows[0].item["readings"] == GOOD


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫"])
@pytest.mark.parametrize(
    "before", ["", " ", "   ", "\t", "\r", "\n", "\xa0", "\u3000", "\u200b", "\ufeff", " \t\u200b"]
)
def test_no_text_of_a_written_csv_is_a_formula_wherever_its_sign_stands(before: str, sign: str) -> None:
    text = f"{before}{sign}HYPERLINK(1)"
    [[written]] = csv.reader(io.StringIO(write_lines([[text]]).decode(), newline=""))
    assert written == f"'{text}"


def test_numbers_and_harmless_texts_of_a_written_csv_stay_as_they_are() -> None:
    values = [-1, -0.5, 1204, "Điềm He", "06280", "a=b", "1-2", ""]
    assert write_lines([values]).decode() == "-1;-0.5;1204;Điềm He;06280;a=b;1-2;\r\n"


def test_a_csv_file_for_people_has_semicolons_as_excel_in_vietnam_expects() -> None:
    assert write_lines([("a", 1)]) == b"a;1\r\n"


def test_a_code_that_a_program_wrote_as_a_text_formula_is_that_text() -> None:
    body = 'Mã;Kỳ;Tổng số hộ\r\n="06280";6/2023;1204\r\n"=""06283""";6/2023;5\r\n="1"&"2";6/2023;6\r\n'
    upload = read(body.encode())
    assert [row.item["unit"] for row in upload.rows][:2] == ["06280", "06283"]
    assert [found.cell for found in upload.faults if found.fault.kind.code == "formula_in_cell"] == ["A4"]


def test_a_name_of_another_time_is_left_to_the_rules_and_an_unknown_one_is_told_with_its_district() -> None:
    [row] = read(a_csv(("Lương Năng", "", "8/2025", 5), header=NAMED)).rows
    assert row.item["unit"] == "06292"
    [found] = read(a_csv(("Hòa Bình", "Văn Lãng", "6/2023", 5), header=NAMED)).faults
    assert "Hòa Bình (Văn Lãng)" in found.fault.text("vi")
