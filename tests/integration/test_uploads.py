"""Templates and uploads over real HTTP, against a real NATS and PostgreSQL, with scoring and without."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from shared.contracts import subjects
from shared.spreadsheet.guard import UPLOAD_LIMIT
from tests.running import Service, Surroundings
from tests.waiting import eventually
from tests.workbooks import a_csv, a_workbook, edited

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEMPLATE = {"unit": "184", "period": "6/2023"}


async def template(service: Service, key: str | None, criteria: str = "ntm-11", **params: str) -> Any:
    async with service.client(key) as client:
        return await client.get(f"/v1/templates/{criteria}.xlsx", params={**TEMPLATE, **params})


async def upload(
    service: Service, key: str | None, body: bytes, accept: str = "application/json", **params: Any
) -> Any:
    headers = {"Accept": accept, "Accept-Language": "en", "content-type": "application/octet-stream"}
    headers |= {name.replace("_", "-"): params.pop(name) for name in ("idempotency_key",) if name in params}
    async with service.client(key) as client:
        return await client.post("/v1/uploads", content=body, headers=headers, params=params)


def fill(body: bytes, **cells: Any) -> bytes:
    def write(workbook: Any) -> None:
        for name, value in cells.items():
            workbook["Số liệu"][name] = value

    return edited(body, write)


def a_month(month: str, poor: int = 131, unit: str = "06280") -> bytes:
    return a_csv((unit, month, 1204, poor, 88))


async def stands(service: Service, key: str, body: bytes) -> None:
    """Wait until intake's tables have the accepted submissions."""

    async def known() -> bool:
        preview = (await upload(service, key, body, dry_run=True)).json()
        return preview["changes"] == []

    await eventually(known)


async def test_a_template_is_filled_in_sent_and_accepted(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    answer = await template(shared_intake, key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    assert answer.headers["content-disposition"] == 'attachment; filename="ntm-11_184_2023-06.xlsx"'
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    body = fill(answer.content, C11=1204, E11=131, G11=88, C12=900)
    answer = await upload(shared_intake, key, body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [item["unit"] for item in answer.json()["items"]] == ["06280", "06283"]
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before + 2


async def test_the_next_template_shows_what_was_reported_before(shared_intake: Service, key: str) -> None:
    body = a_month("1/2023", unit="06286")
    assert (await upload(shared_intake, key, body)).status_code == 202
    await stands(shared_intake, key, body)
    content = (await template(shared_intake, key, period="2/2023")).content
    sheet = load_workbook(BytesIO(content))["Số liệu"]
    row = next(row for row in range(7, sheet.max_row + 1) if sheet.cell(row, 1).value == "06286")
    assert [sheet.cell(row, column).value for column in (4, 6, 8)] == [1204, 131, 88]


async def test_one_faulty_cell_refuses_the_whole_file_and_is_recorded(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    stored = [await shared_around.stored(name) for name in (subjects.SUBMISSIONS_STREAM, subjects.REFUSALS_STREAM)]
    body = a_workbook(("06280", "3/2023", 1204, 131, 88), ("06283", "3/2023", 100, 90, 20), ("06283", "x", 1, 1, 1))
    answer = await upload(shared_intake, key, body)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (422, "refused")
    places = [(error["sheet"], error["cell"], error["pointer"], error["code"]) for error in document["errors"]]
    assert places == [
        ("Sheet1", "B4", "/period", "period_not_read"),
        ("Sheet1", "D3", "/readings/poor_households", "sum_disagrees"),
    ]
    assert document["instance"].startswith("/v1/submissions/")
    after = [await shared_around.stored(name) for name in (subjects.SUBMISSIONS_STREAM, subjects.REFUSALS_STREAM)]
    assert after == [stored[0], stored[1] + 1]


async def test_a_dry_run_tells_what_would_change_and_accepts_nothing(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    first = a_month("2/2023", unit="06295")
    assert (await upload(shared_intake, key, first)).status_code == 202
    await stands(shared_intake, key, first)
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    preview = (await upload(shared_intake, key, a_month("2/2023", 130, "06295"), dry_run=True, correct=True)).json()
    assert (preview["rows"], preview["acceptable"], preview["faults"]) == (1, True, [])
    [change] = preview["changes"]
    assert (change["unit"], change["element"], change["cell"], change["new"]) == ("06295", "poor_households", "D2", 130)
    assert change["old"] == {
        "value": 131,
        "period": "2023-02",
        "stage": "reported",
        "agency": "district-184",
        "received_at": change["old"]["received_at"],
    }
    assert change["element_name"] == "Poor households"
    assert preview["statuses"] is None
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_what_stands_is_corrected_only_where_that_is_wanted(shared_intake: Service, key: str) -> None:
    first = a_month("4/2023", unit="06298")
    assert (await upload(shared_intake, key, first)).status_code == 202
    await stands(shared_intake, key, first)
    other = a_month("4/2023", 130, "06298")
    refused = await upload(shared_intake, key, other)
    assert [(error["cell"], error["code"]) for error in refused.json()["errors"]] == [("D2", "stands_already")]
    corrected = await upload(shared_intake, key, other, correct=True)
    assert corrected.status_code == 202
    await stands(shared_intake, key, other)
    again = await upload(shared_intake, key, other)
    assert again.json()["items"][0]["id"] == corrected.json()["items"][0]["id"]
    back = await upload(shared_intake, key, first)
    assert [error["code"] for error in back.json()["errors"]] == ["stands_already"]
    assert (await upload(shared_intake, key, first, correct=True)).status_code == 202
    await stands(shared_intake, key, first)


async def test_the_same_file_sent_twice_gets_the_same_receipts(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    body = a_month("5/2023", unit="06301")
    first = await upload(shared_intake, key, body, idempotency_key="may")
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    assert (await upload(shared_intake, key, body, idempotency_key="may")).json()["items"] == first.json()["items"]
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before
    other = await upload(shared_intake, key, a_month("5/2023", unit="06307"), idempotency_key="may")
    assert (other.status_code, other.json()["code"]) == (409, "key_used")


async def test_what_is_far_from_the_last_figure_is_accepted_once_it_is_confirmed(
    shared_intake: Service, key: str
) -> None:
    first = a_month("1/2023", unit="06313")
    assert (await upload(shared_intake, key, first)).status_code == 202
    await stands(shared_intake, key, first)
    far = a_month("2/2023", 700, "06313")
    refused = (await upload(shared_intake, key, far, dry_run=True)).json()
    assert [(fault["cell"], fault["code"]) for fault in refused["faults"]] == [("D2", "needs_confirmation")]
    preview = (await upload(shared_intake, key, far, dry_run=True, confirmed=True)).json()
    assert preview["acceptable"]
    assert [(warning["cell"], warning["code"]) for warning in preview["warnings"]] == [("D2", "implausible_change")]
    assert (await upload(shared_intake, key, far, confirmed=True)).status_code == 202


async def test_the_faulty_workbook_comes_back_marked(shared_intake: Service, key: str) -> None:
    body = fill((await template(shared_intake, key)).content, C14="many", E14=5)
    answer = await upload(shared_intake, key, body, accept=XLSX)
    assert (answer.status_code, answer.headers["content-type"]) == (422, XLSX)
    workbook = load_workbook(BytesIO(answer.content))
    assert "is not a number" in workbook["Số liệu"]["C14"].comment.text
    assert workbook["Lỗi"]["B3"].value == "C14"
    assert (await upload(shared_intake, key, body, accept=XLSX, dry_run=True)).status_code == 200


async def test_nobody_gets_or_sends_what_is_outside_their_scope(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    labour = await shared_around.key("184", criteria=("ntm-12",), agency="labour")
    assert (await template(shared_intake, None)).status_code == 401
    assert (await template(shared_intake, labour, unit="185")).json()["errors"][0]["code"] == "outside_units"
    assert (await template(shared_intake, labour)).json()["errors"][0]["code"] == "outside_criteria"
    sheet = load_workbook(BytesIO((await template(shared_intake, labour, "all")).content))["Số liệu"]
    codes = {cell.value for cell in sheet[6]}
    assert "trained_men" in codes
    assert "households" not in codes
    refused = await upload(shared_intake, labour, a_month("6/2023"))
    assert (refused.status_code, refused.json()["errors"][0]["cell"]) == (403, "C2")
    assert (await upload(shared_intake, None, a_month("6/2023"))).status_code == 401


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"unit": "999"}, 422, "unknown_unit"),
        ({"period": "soon"}, 400, "period_not_read"),
        ({"criteria": "ntm-99"}, 400, "bad_parameter"),
        ({"stage": "done"}, 400, "bad_parameter"),
    ],
)
async def test_a_template_that_cannot_be_is_told(
    shared_intake: Service, key: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = await template(shared_intake, key, **params)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_what_is_not_reported_for_a_day_has_no_template(shared_intake: Service, key: str) -> None:
    answer = await template(shared_intake, key, period="30/6/2023")
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_fill")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "file_refused"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 422, "file_refused"),
        (b"PK\x03\x04" + b"\x00" * 100, 422, "file_refused"),
        (b"x" * (UPLOAD_LIMIT + 1), 413, "too_large"),
        (a_csv(*(("06280", "6/2023", n, n, n) for n in range(200_000))), 422, "file_refused"),
    ],
    ids=["empty", "old", "broken", "too large", "too many rows"],
)
async def test_a_file_that_is_none_is_refused_and_the_service_runs_on(
    shared_intake: Service, key: str, body: bytes, status: int, code: str
) -> None:
    answer = await upload(shared_intake, key, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await template(shared_intake, key)).status_code == 200


async def test_others_are_answered_while_large_files_are_read(shared_intake: Service, key: str) -> None:
    rows = [("06280", f"{1 + n % 12}/{1990 + n // 12}", 1, 1, 1) for n in range(1900)]
    files = [upload(shared_intake, key, a_workbook(*rows)) for _ in range(6)]
    reading = asyncio.gather(*files)
    async with shared_intake.client() as client:
        assert (await client.get("/healthz")).status_code == 200
    assert not reading.done()
    assert {answer.status_code for answer in await reading} == {422}


async def test_with_scoring_a_dry_run_tells_the_statuses(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    await shared_around.start("scoring")

    async def with_statuses() -> Any:  # without them where scoring takes longer than intake waits for it
        preview = (await upload(shared_intake, key, a_month("6/2023", unit="06319"), dry_run=True)).json()
        return preview["statuses"]

    statuses = {status["criterion"]: status for status in await eventually(with_statuses)}
    assert statuses["ntm-11"]["before"] == "no_data"
    assert statuses["ntm-11"]["after"] != "no_data"
    assert (statuses["ntm-11"]["unit"], statuses["ntm-11"]["name"]) == ("06319", "Yên Phúc commune")
    assert statuses["ntm-11"]["reason"]


async def test_a_slip_in_a_parameter_sends_nothing(
    shared_around: Surroundings, shared_intake: Service, key: str
) -> None:
    before = await shared_around.stored(subjects.SUBMISSIONS_STREAM)
    answer = await upload(shared_intake, key, a_month("3/2023"), dry_runn=True)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/dry_runn")
    assert await shared_around.stored(subjects.SUBMISSIONS_STREAM) == before


async def test_files_in_hand_are_counted_before_they_are_read(around: Surroundings, intake: Service) -> None:
    key = await around.key("184")
    may_end = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        body = a_month("2023-05")
        yield body[:10]
        await may_end.wait()
        yield body[10:]

    async def send() -> int:
        async with intake.client(key) as client:
            return (await client.post("/v1/uploads", params={"dry_run": True}, content=slowly())).status_code

    sending = [asyncio.create_task(send()) for _ in range(20)]

    async def are_in_hand() -> bool:
        if (await upload(intake, key, a_month("2023-05"), dry_run=True)).status_code == 429:
            return True
        sending.append(asyncio.create_task(send()))  # it has taken the place of one of the others
        return False

    await eventually(are_in_hand)
    busy = await upload(intake, key, a_month("2023-05"), dry_run=True)
    assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (429, "busy", "5")
    may_end.set()
    assert Counter(await asyncio.gather(*sending))[200] == 20
    assert (await upload(intake, key, a_month("2023-05"), dry_run=True)).status_code == 200


async def test_other_requests_are_answered_while_a_large_workbook_is_read(
    around: Surroundings, intake: Service
) -> None:
    key = await around.key("184")
    rows = [("06280", "2023-05", 1204, 131, 88, *range(90)) for _ in range(900)]
    header = ("Mã xã", "Kỳ", "households", "poor_households", "near_poor_households", *(f"#{n}" for n in range(90)))
    reading = asyncio.create_task(upload(intake, key, a_workbook(*rows, header=header), dry_run=True))
    answered = 0
    async with intake.client(key) as client:
        while not reading.done():
            assert (await client.get("/v1/me")).status_code == 200
            answered += 1
            await asyncio.sleep(0.05)
    assert answered > 3
    assert (await reading).status_code == 200
