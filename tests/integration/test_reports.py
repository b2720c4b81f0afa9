"""`GET /v1/reports/…`: each figure of the month's paper is that of the other answers for its day."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from docx import Document
from openpyxl import load_workbook

from services.scoring.judging.reasons import amount
from shared import text
from shared.contracts.status import Status
from shared.pdf import libreoffice
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

MONTH, END = "2023-06", "2023-06-30"
DISTRICT, OF_DISTRICT = "184", "06280"
POOR = {"2022-12": 200, "2023-03": 195, "2023-05": 190}
STATUSES = (Status.MET, Status.ON_TRACK, Status.BEHIND, Status.MISSED, Status.NOT_MET, Status.NO_DATA)


@pytest.fixture(scope="module")
async def client(shared_around: Surroundings, shared_scoring: Service) -> Any:
    """A client of scoring after June, in which communes had reported; one of them has corrected a figure in July."""
    around = shared_around
    for period, poor in POOR.items():
        elsewhere = poverty_report(period, poor // 4, date(2023, 6, 6), unit=OF_DISTRICT, district=DISTRICT)
        await put_on_stream(around, poverty_report(period, poor, date(2023, 6, 5)), elsewhere)
    await eventually(lambda: _are_scored(around))
    await around.set_day(date(2023, 7, 4))
    later = poverty_report("2023-05", 10, date(2023, 7, 4), revision=2)
    await put_on_stream(around, later)
    async with shared_scoring.client(await around.key("20")) as client:

        async def has_come() -> bool:
            found = (await client.get(f"/v1/communes/{BORDER}")).json()
            return any(part["value"] == 1 for one in found["statuses"] for part in one["assessment"]["parts"])

        await eventually(has_come)
        yield client


async def _are_scored(around: Surroundings) -> bool:
    return {BORDER, OF_DISTRICT} <= {change["unit"]["code"] for change in await changes(around)}


async def answer(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    found = await client.get(path, params=query)
    assert found.status_code == 200, found.text
    return found


async def word(client: httpx.AsyncClient, **query: str) -> Any:
    found = await answer(client, f"/v1/reports/{query.pop('month', MONTH)}.docx", **query)
    return Document(io.BytesIO(found.content))


def words_of(document: Any) -> str:
    return "\n".join(_plain(paragraph.text) for paragraph in document.paragraphs)


def tables_of(document: Any, heading: str) -> list[list[dict[str, str]]]:
    """Return the rows of the tables that have a column of this heading, by their headings."""
    found = []
    for table in document.tables:
        titles = [cell.text for cell in table.rows[0].cells]
        if heading in titles:
            found.append([dict(zip(titles, _texts(row), strict=True)) for row in table.rows[1:]])
    return found


def _texts(row: Any) -> list[str]:
    """Return the cells' texts, without the marks of notes."""
    return [
        _plain("".join(run.text for run in cell.paragraphs[0].runs if not run.font.superscript)).strip()
        for cell in row.cells
    ]


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}%", " %")


def number(text: str) -> float:
    return float(text.replace(".", "").replace(",", "."))


def is_written(text: str, value: float | None, measured_in: str) -> bool:
    if value is None:
        return text == "–"
    if measured_in == "yes_no":
        return text == ("Đã thực hiện" if value else "Chưa thực hiện")
    return abs(number(text) - value) <= 0.005


def name_of(status: str) -> str:
    name = text.STATUSES[Status(status)].vi
    return name[0].upper() + name[1:]


def check_commitments(rows: list[dict[str, str]], items: list[dict[str, Any]]) -> None:
    assert len(rows) == len(items) > 0
    for row, item in zip(rows, items, strict=True):
        part = item["assessment"]["parts"][0]
        assert row["Chỉ tiêu"] == item["commitment"]["title"]["vi"]
        assert row.get("Đơn vị", item["unit"]["name"]) == item["unit"]["name"]
        assert row["Đánh giá"] == name_of(item["status"])
        reached = row["Thực hiện"]
        if reached in ("Chưa có số liệu", "Chưa đến kỳ"):
            assert item["status"] == "no_data"
            assert not part["value"], "what somebody has counted is told"
        else:
            assert is_written(reached, part["value"], part["measured_in"]), (row, part)
            if part["direction"] == "at_least" and part["measured_in"] != "yes_no":
                assert abs(number(row["So với kế hoạch (%)"]) - 100 * part["value"] / part["goal"]) <= 0.005
        assert is_written(row["Kế hoạch năm"], part["goal"], part["measured_in"]), (row, part)
        assert is_written(row["Lộ trình"], part["required"], part["measured_in"]), (row, part)


@pytest.mark.parametrize("unit", ["20", DISTRICT])
async def test_the_commitments_are_those_of_the_list(client: httpx.AsyncClient, unit: str) -> None:
    listed = (await answer(client, "/v1/targets", as_of=END)).json()["items"]
    own, *below = tables_of(await word(client, unit=unit), "Chỉ tiêu")
    check_commitments(own, [item for item in listed if item["unit"]["code"] == unit])
    assert len(below) == (unit == "20")
    for rows in below:
        check_commitments(rows, [item for item in listed if item["unit"]["code"] != unit])


@pytest.mark.parametrize("unit", ["20", DISTRICT])
async def test_the_communes_are_counted_as_in_the_summary_and_the_statuses(
    client: httpx.AsyncClient, unit: str
) -> None:
    items = (await answer(client, "/v1/statuses", district=unit, as_of=END, limit=5000)).json()["items"]
    counts = Counter((item["criterion"]["key"], item["status"]) for item in items)
    [day] = (await answer(client, "/v1/summary", as_of=END)).json()["days"]
    summed: Counter[tuple[str, str]] = Counter()
    for district in day["districts"]:
        if unit in ("20", district["district"]["code"]):
            for cell in district["cells"]:
                if cell["cohort"] is None:
                    summed.update({(cell["criterion"], status): count for status, count in cell["statuses"].items()})
    assert summed == counts
    [rows] = tables_of(await word(client, unit=unit), "Tiêu chí")[:1]
    criteria = list(dict.fromkeys(item["criterion"]["key"] for item in items))
    assert len(rows) == len(criteria)
    in_order = (await answer(client, "/v1/summary", as_of=END)).json()["criteria"]
    for row, key in zip(rows, [one["key"] for one in in_order if one["key"] in criteria], strict=True):
        assert {name_of(status): int(number(row[name_of(status)])) for status in STATUSES} == {
            name_of(status): counts[key, status] for status in STATUSES
        }
        assert int(number(row["Tổng số xã"])) == sum(counts[key, status] for status in STATUSES)


async def test_the_communes_that_are_behind_and_late_are_named_with_their_reasons(client: httpx.AsyncClient) -> None:
    items = (await answer(client, "/v1/statuses", as_of=END, limit=5000)).json()["items"]
    document = await word(client)
    [behind] = tables_of(document, "Nội dung còn thiếu")
    listed = [item for item in items if item["status"] in ("behind", "missed")]
    assert Counter((row["Xã"], row["Huyện"], row["Đánh giá"]) for row in behind) == Counter(
        (item["unit"]["name"], item["district"]["name"], name_of(item["status"])) for item in listed
    )
    [row] = [row for row in behind if row["Tiêu chí"].startswith("11. ")]
    [part] = next(item for item in listed if item["criterion"]["key"] == "ntm-11")["assessment"]["parts"]
    assert (part["value"], part["goal"], part["missing"]) == (19, 13, 60)
    assert row["Nội dung còn thiếu"] == "Tỷ lệ nghèo đa chiều: 19 % (mục tiêu ≤ 13 %), còn phải giảm 60 hộ"
    [late] = tables_of(document, "Báo cáo chưa gửi")
    overdue = {(item["unit"]["code"], item["unit"]["name"]) for item in items if item["assessment"]["overdue"]}
    assert Counter(row["Xã"] for row in late) == Counter(name for _, name in overdue)
    assert late


async def test_what_came_after_the_month_is_told_apart(client: httpx.AsyncClient) -> None:
    listed = (await answer(client, "/v1/targets", as_of=END)).json()["items"]
    moved = [
        item
        for item in listed
        if item["unit"]["code"] == "20"
        and item["actual"]["parts"][0]["value"] not in (None, item["assessment"]["parts"][0]["value"])
    ]
    assert moved, "the correction of July changes a commitment"
    [note] = [line for line in words_of(await word(client)).splitlines() if "sau ngày 30/06/2023" in line]
    for item in moved:
        assert amount(item["actual"]["parts"][0]["value"], item["actual"]["parts"][0]["measured_in"], "vi") in note


async def test_the_paper_has_the_form_of_the_decree(client: httpx.AsyncClient) -> None:
    document = await word(client)
    section = document.sections[0]
    assert [round(side.mm) for side in (section.page_width, section.page_height)] == [210, 297]
    assert 20 <= round(section.top_margin.mm) <= 25
    assert 20 <= round(section.bottom_margin.mm) <= 25
    assert 30 <= round(section.left_margin.mm) <= 35
    assert 15 <= round(section.right_margin.mm) <= 20
    assert section.different_first_page_header_footer
    assert "PAGE" in section.header.paragraphs[0]._p.xml
    head = [paragraph.text for row in document.tables[0].rows for cell in row.cells for paragraph in cell.paragraphs]
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in head
    assert "Độc lập - Tự do - Hạnh phúc" in head
    assert "UBND TỈNH LẠNG SƠN" in head
    places = [words_of(document).index(title) for title in ("I. KẾT QUẢ", "II. ĐÁNH GIÁ", "III. KIẾN NGHỊ", "./.")]
    assert places == sorted(places)
    recipients = [
        paragraph.text
        for table in document.tables
        for row in table.rows
        for cell in row.cells
        for paragraph in cell.paragraphs
        if paragraph.text.startswith("- ")
    ]
    assert recipients == ["- UBND tỉnh; (BC);", "- C, PVP Sở;", "- Lưu: VT, P.BTXHTE."]


async def test_a_month_that_is_not_over_or_has_not_begun_says_so(client: httpx.AsyncClient) -> None:
    july = words_of(await word(client, month="2023-07"))
    assert "Tháng 7 năm 2023 chưa kết thúc: số liệu dưới đây tính đến ngày 04/07/2023" in july
    december = await word(client, month="2023-12")
    assert "Tháng 12 năm 2023 chưa đến" in words_of(december)
    assert tables_of(december, "Chỉ tiêu") == tables_of(december, "Tiêu chí") == []


async def test_before_anybody_has_reported_there_is_no_zero(client: httpx.AsyncClient) -> None:
    january = await word(client, month="2023-01")
    assert "Đến ngày 31/01/2023 chưa nhận được số liệu nào của tỉnh Lạng Sơn" in words_of(january)
    assert tables_of(january, "Chỉ tiêu") == tables_of(january, "Tiêu chí") == []


@pytest.mark.parametrize("unit", ["20", DISTRICT])
async def test_the_workbook_has_the_numbers_themselves(client: httpx.AsyncClient, unit: str) -> None:
    found = await answer(client, f"/v1/reports/{MONTH}.xlsx", unit=unit)
    workbook = load_workbook(io.BytesIO(found.content))
    listed = (await answer(client, "/v1/targets", as_of=END)).json()["items"]
    own = rows_of(workbook["Chỉ tiêu"])
    parts = [item["assessment"]["parts"][0] for item in listed if item["unit"]["code"] == unit]
    assert len(own) == len(parts) > 0
    for row, part in zip(own, parts, strict=True):
        for title, name in (("Kế hoạch năm", "goal"), ("Lộ trình", "required"), ("Thực hiện", "value")):
            if part["measured_in"] != "yes_no" and isinstance(row[title], int | float):
                assert row[title] == part[name], (row, part)
            elif part["measured_in"] != "yes_no" and name != "value":
                assert part[name] is None
    items = (await answer(client, "/v1/statuses", district=unit, as_of=END, limit=5000)).json()["items"]
    counts = Counter(item["status"] for item in items)
    criteria = rows_of(workbook["Tiêu chí"])
    assert {name_of(status): sum(row[name_of(status)] for row in criteria) for status in STATUSES} == {
        name_of(status): counts[status] for status in STATUSES
    }
    shown = {cell.number_format for row in workbook["Chỉ tiêu"] for cell in row if isinstance(cell.value, float)}
    assert {format_.partition('"')[0] for format_ in shown} <= {"#,##0", "#,##0.0", "#,##0.00"}
    formulas = [cell.coordinate for sheet in workbook for row in sheet for cell in row if cell.data_type == "f"]
    assert formulas == []


def rows_of(sheet: Any) -> list[dict[str, Any]]:
    """Return the rows of a sheet's table by their headings; notes below it have only one cell."""
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    head = next(place for place, row in enumerate(rows) if all(row) and len(row) > 1)
    return [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :] if row[1] is not None]


async def test_the_program_writes_the_report_into_a_file(
    client: httpx.AsyncClient, shared_around: Surroundings, tmp_path: Path
) -> None:
    key = await shared_around.key("20", agency="office")
    output = await shared_around.ntm("report", MONTH, "--key", key, "--into", str(tmp_path))
    assert "ntm-2023-06-20.docx" in output
    assert "I. KẾT QUẢ" in words_of(Document(str(tmp_path / "ntm-2023-06-20.docx")))
    await shared_around.ntm(
        "report", MONTH, "--format", "xlsx", "--unit", DISTRICT, "--key", key, "--into", str(tmp_path)
    )
    assert load_workbook(tmp_path / "ntm-2023-06-184.xlsx").sheetnames[0] == "Báo cáo"
    refused = await shared_around.ntm("report", "2023-13", "--key", key, "--into", str(tmp_path), status=1)
    assert "/month" in refused


async def test_the_report_is_written_in_english_too(client: httpx.AsyncClient) -> None:
    assert "II. ASSESSMENT" in words_of(await word(client, lang="en"))


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("/v1/reports/2023-13.docx", 400, "/month"),
        ("/v1/reports/2023-6.docx", 400, "/month"),
        ("/v1/reports/2023.docx", 400, "/month"),
        ("/v1/reports/2023-Q2.docx", 400, "/month"),
        ("/v1/reports/2022-12.docx", 400, "/month"),
        ("/v1/reports/2030-01.docx", 400, "/month"),
        ("/v1/reports/2023-06.docx?unit=99999", 422, "/unit"),
        ("/v1/reports/2023-06.docx?unit=06280", 422, "/unit"),
    ],
)
async def test_a_report_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, path: str, status: int, pointer: str
) -> None:
    found = await client.get(path)
    assert (found.status_code, found.json()["errors"][0]["pointer"]) == (status, pointer)


async def test_a_key_of_a_district_gets_the_report_of_its_district_alone(
    client: httpx.AsyncClient, shared_around: Surroundings, shared_scoring: Service
) -> None:
    async with shared_scoring.client(await shared_around.key(DISTRICT, agency="district")) as own:
        assert (await own.get(f"/v1/reports/{MONTH}.docx", params={"unit": DISTRICT})).status_code == 200
        assert (await own.get(f"/v1/reports/{MONTH}.docx", params={"unit": "180"})).status_code == 403
        assert (await own.get(f"/v1/reports/{MONTH}.docx")).status_code == 403


async def test_a_pdf_is_made_where_there_is_libreoffice_and_else_the_way_to_one_is_named(
    client: httpx.AsyncClient,
) -> None:
    found = await client.get(f"/v1/reports/{MONTH}.pdf", params={"unit": DISTRICT}, timeout=120)
    if libreoffice():
        assert (found.status_code, found.content[:5]) == (200, b"%PDF-")
    else:
        assert found.status_code == 501
