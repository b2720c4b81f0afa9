"""Damage in each column of each table: every GET answers, names the damaged row, and shows all the others.

Tables and columns are those of the services' models, operations those of the OpenAPI documents: so a new one is walked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from sqlalchemy import RowMapping, Table, delete, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

import services.intake.storage.tables
import services.notify.storage.tables
import services.scoring.storage.tables  # noqa: F401 - their tables are walked
from services.intake.doors import openapi_examples
from services.notify.alerts.answer import AnswerMeaning
from services.notify.storage.answers import StoredAnswer, record_answer
from services.notify.storage.tables import NoticeRow
from shared.contract_documents.write import FOLDER
from shared.nats.publishing import publish
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import LABOUR, a_status_change
from tests.damage import Damage, damages
from tests.integration.notify_service import as_message
from tests.running import Service, Surroundings
from tests.waiting import eventually

SERVICES = ("intake", "scoring", "notify")

WHOLE = {"scoring.plan", "scoring.reference", "scoring.refill"}
"""Tables that say by what the whole state was judged: with other content there a process stops, and says so."""

EMPTY = {
    "intake.parked", "intake.unscored", "scoring.parked", "scoring.outbox", "notify.parked", "notify.outbox",
    "notify.brought", "notify.gathered", "notify.operation", "notify.spending", "notify.zalo_token",
}  # fmt: skip
"""Tables that no GET reads, and that have rows only now and then."""

BELONGS = {"unit", "agency", "district", "criteria_set", "state", "role", "topic", "on", "ends_at"}
"""Columns that say what a row belongs to: with another value it is another list's."""


def tables(service: str) -> list[Table]:
    return [
        table
        for table in SQLModel.metadata.sorted_tables
        if table.schema == service and table.fullname not in WHOLE | EMPTY
    ]


@pytest.fixture(scope="module")
async def running(shared_around: Surroundings, shared_intake: Service, shared_scoring: Service) -> dict[str, Service]:
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    mail["NTM_WAIT_SHARE"] = "0"
    notify = await shared_around.start("notify", **mail)
    return {"intake": shared_intake, "scoring": shared_scoring, "notify": notify}


@pytest.fixture(scope="module")
async def keys(shared_around: Surroundings) -> dict[str, str]:
    """The key by which each service is asked: intake's lists are those of the agency that sent."""
    district, province = await shared_around.key("184", agency="vq"), await shared_around.key("20", agency="ls")
    async with shared_around.engine.begin() as connection:
        key = SQLModel.metadata.tables["access.access_key"]
        await connection.execute(update(key).values(rate_per_minute=1_000_000))
    return {"intake": district, "scoring": province, "notify": province}


@pytest.fixture(scope="module")
async def requests(
    shared_around: Surroundings, running: dict[str, Service], keys: dict[str, str]
) -> dict[str, list[str]]:
    """Fill every table; return the requests for each GET operation."""

    async def made(service: str, path: str, body: Any, key: str | None = None) -> str:
        async with running[service].client(key or keys[service]) as client:
            answer = await client.post(path, json=body)
        assert answer.status_code < 300 or answer.status_code == 422, answer.text
        return str(answer.json().get("id"))

    people = {"role": "district_office", "unit": "184", "emails": ["a@example.vn"], "phones": ["0912345678"]}
    an = await made("notify", "/v1/contacts", {**people, "name": "Nguyễn Văn An"})
    for day in ("2026-01-05", "2026-01-06"):
        await made("notify", f"/v1/contacts/{an}/personal-data", {"kind": "export", "asked_on": day})
    await made("notify", "/v1/contacts", {**people, "name": "Lý Thị Bình", "emails": ["b@example.vn"]})
    sent = []
    for unit in ("06280", "06283"):
        for month in ("2023-05", "2023-06"):
            report = {**openapi_examples.SUBMISSION, "unit": unit, "period": month, "confirmed": True}
            sent.append(await made("intake", "/v1/submissions", report))
    fewer = {"households": 1204, "poor_households": 931, "near_poor_households": 88}
    sent.append(await made("intake", "/v1/submissions", {**report, "revision": 2, "readings": fewer}))
    await made("intake", f"/v1/submissions/{sent[0]}/review", {"decision": "returned", "reason": "Chưa khớp"})
    await made("intake", f"/v1/submissions/{sent[1]}/withdraw", {"reason": "Gửi nhầm"})
    for each in sent[2:4]:
        await made("intake", f"/v1/evidence?submission={each}&name=a&link=https://xa.example.vn", None)
    for period in ("nonsense", "2023-99"):
        await made("intake", "/v1/submissions", {"unit": "06280", "period": period})
    reported = [
        await made("intake", "/v1/problems", {**openapi_examples.REPORT, "words": words})
        for words in ("Thiếu kinh phí", "Thiếu cán bộ")
    ]
    await made("intake", f"/v1/problems/{reported[0]}/answers", {"words": "Đã rõ"}, keys["scoring"])
    answers = [{"criterion": "ntm-1", "yes": True, "note": "x"}]
    for commune in ("06280", "06283"):
        step = {"step": "self_assessed", "person": "Lý Văn Nam", "answers": answers}
        await made("intake", f"/v1/dossiers/{commune}/ntm", step)
    ends = (utc_now() + timedelta(hours=1)).isoformat()
    match = {"under": ["184"], "criteria": ["ntm-14"]}
    for word in ("một", "hai"):
        await made("notify", "/v1/silences", {"match": match, "reason": f"Lý do {word}", "ends_at": ends})
        url = f"https://93.184.216.34/{word}"
        await made("notify", "/v1/subscriptions", {"url": url, "unit": "184", "match": {"criteria": ["ntm-11"]}})
    changes = [a_status_change(), a_status_change().model_copy(update={"criterion": LABOUR})]
    await publish(shared_around.nats, [as_message(change) for change in changes])

    async def notices() -> list[UUID]:
        async with shared_around.engine.connect() as connection:
            return list((await connection.execute(select(table_of(NoticeRow).c.id).limit(2))).scalars())

    for number, notice in enumerate(await eventually(notices)):
        answer = StoredAnswer(
            bytes([number]), notice, utc_now(), "a@example.vn", AnswerMeaning.NOTE.code, "Đang xử lý."
        )
        async with shared_around.engine.begin() as connection:
            await record_answer(connection, answer)

    async def empty() -> list[str]:
        async with shared_around.engine.connect() as connection:
            walked = [table for service in SERVICES for table in tables(service)]
            return [table.fullname for table in walked if not (await connection.execute(select(table))).first()]

    async def all_are_filled() -> bool:
        return not await empty()

    await eventually(all_are_filled, explain=lambda: "some table has no row")
    return {
        "GET /v1/me": ["/v1/me"],
        "GET /v1/catalogue": ["/v1/catalogue"],
        "GET /v1/reports-due": ["/v1/reports-due?unit=184"],
        "GET /v1/reviews-due": ["/v1/reviews-due?unit=184&period=2023-05", "/v1/reviews-due?unit=184&stage=verified"],
        "GET /v1/forms/{report}": ["/v1/forms/poverty-monthly?unit=06280&period=2023-06"],
        "GET /v1/templates/{criteria}.xlsx": ["/v1/templates/ntm-11.xlsx?unit=06280&period=2023-06"],
        "GET /v1/submissions": [
            "/v1/submissions?unit=184",
            *(f"/v1/submissions?unit=184&status={status}" for status in ("scored", "parked", "returned")),
        ],
        "GET /v1/submissions/{submission_id}": [f"/v1/submissions/{each}" for each in sent],
        "GET /v1/refusals": ["/v1/refusals"],
        "GET /v1/evidence": ["/v1/evidence?unit=184"],
        "GET /v1/evidence/{evidence_id}/file": [],  # links have none
        "GET /v1/problems": ["/v1/problems", *(f"/v1/problems?state={state}" for state in ("answered", "closed"))],
        "GET /v1/problems/{problem_id}": [f"/v1/problems/{each}" for each in reported],
        "GET /v1/dossiers": ["/v1/dossiers", "/v1/dossiers?turn=verified"],
        "GET /v1/dossiers/{commune}/{set}": ["/v1/dossiers/06280/ntm", "/v1/dossiers/06283/ntm"],
        "GET /v1/summary": ["/v1/summary"],
        "GET /v1/map": ["/v1/map?criterion=ntm-11"],
        "GET /v1/map/borders": [],  # from a file
        "GET /v1/statuses": ["/v1/statuses?district=184", "/v1/statuses?district=184&as_of=2023-06-15"],
        "GET /v1/communes/{code}": ["/v1/communes/06280", "/v1/communes/06283"],
        "GET /v1/changes": ["/v1/changes", "/v1/changes?district=184"],
        "GET /v1/changes/live": ["/v1/changes/live"],
        "GET /v1/series": ["/v1/series?unit=06280&criterion=ntm-11"],
        "GET /v1/recognitions": ["/v1/recognitions?district=184"],
        "GET /v1/targets": ["/v1/targets"],
        "GET /v1/difficulties": ["/v1/difficulties"],
        "GET /v1/unacknowledged": ["/v1/unacknowledged"],
        "GET /v1/plan/findings": ["/v1/plan/findings"],
        "GET /v1/nearest": ["/v1/nearest?criterion=ntm-11&district=184"],
        "GET /v1/export.csv": ["/v1/export.csv?district=184"],
        "GET /v1/export.parquet": ["/v1/export.parquet?district=184"],
        "GET /v1/reports/{month}.docx": ["/v1/reports/2023-05.docx?unit=184"],
        "GET /v1/reports/{month}.xlsx": [],  # the same content as that of the one above
        "GET /v1/reports/{month}.pdf": [],
        "GET /v1/alerts/counts": ["/v1/alerts/counts"],
        "GET /v1/alerts": ["/v1/alerts", "/v1/alerts?open=true"],
        "GET /v1/notices": ["/v1/notices"],
        "GET /v1/notices/totals": ["/v1/notices/totals"],
        "GET /v1/notices.csv": ["/v1/notices.csv"],
        "GET /v1/routes:explain": ["/v1/routes:explain?unit=06280&event=lost&criterion=ntm-11"],
        "GET /v1/silences": ["/v1/silences"],
        "GET /v1/contacts": ["/v1/contacts"],
        "GET /v1/contacts/gaps": ["/v1/contacts/gaps"],
        "GET /v1/personal-data-requests": ["/v1/personal-data-requests"],
        "GET /v1/subscriptions": ["/v1/subscriptions"],
        "GET /v1/delivery-reports/{gateway}": ["/v1/delivery-reports/esms"],
    }


class Answer(NamedTuple):
    """An answer: its status, its words, and how many rows it shows or names."""

    status: int
    words: str
    rows: int


async def ask(client: httpx.AsyncClient, url: str) -> Answer:
    try:
        async with client.stream("GET", url) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return Answer(answer.status_code, "", 0)
            words = (await answer.aread()).decode(errors="replace")
    except httpx.RemoteProtocolError:  # an answer that was broken off within
        return Answer(500, "", 0)
    body = json.loads(words) if answer.headers["content-type"].startswith("application/json") else {}
    listed = [body.get(name, ()) for name in ("items", "unreadable")]  # of what is counted, the unreadable are a number
    if url.startswith("/v1/notices/totals"):  # whose rows come and go while notices are on their way
        listed = [sum(item["notices"] for item in body["items"]), body["unreadable"]]
    if url.startswith("/v1/alerts/counts"):  # which may go from one group to another meanwhile, but never away
        listed = [sum(item["alerts"] for item in body["items"])]
    return Answer(answer.status_code, words, sum(each if isinstance(each, int) else len(each) for each in listed))


def operations(service: str) -> list[str]:
    document = json.loads((FOLDER / f"openapi-{service}.json").read_text(encoding="utf-8"))
    return [f"GET {path}" for path, item in document["paths"].items() if "get" in item]


def fault(before: Answer, after: Answer, damage: Damage, url: str) -> str | None:
    """Say what is wrong with an answer, if anything."""
    is_named = after.status == 404 and ("bị hỏng" in after.words or damage.column.name in BELONGS)
    if after.status != before.status and not is_named:
        return f"{after.status} {after.words[:150]}"
    is_of_another_list = damage.column.name in BELONGS or any(
        name in url for name in ("state=", "status=", "turn=", "open=")
    )
    # a damaged figure counts as none, so its own commune leaves the list of those that lack least
    is_without_figure = damage.column.table.name == "reading" and "/v1/nearest" in url and after.rows == before.rows - 1
    if after.rows < before.rows and not (is_named or is_of_another_list or is_without_figure):
        return f"{after.rows} rows of {before.rows}"
    return None


def is_row(table: Table, row: Mapping[str, Any] | RowMapping) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


@pytest.mark.parametrize("service", SERVICES)
async def test_damage_in_any_column_hides_no_other_row(
    shared_around: Surroundings,
    running: dict[str, Service],
    keys: dict[str, str],
    requests: dict[str, list[str]],
    service: str,
) -> None:
    urls = [url for operation in operations(service) for url in requests[operation]]
    wrong = {}
    async with running[service].client(keys[service]) as client:
        sound = {url: await ask(client, url) for url in urls}
        assert {answer.status for answer in sound.values()} <= {200, 401}, sound
        for table in tables(service):
            async with shared_around.engine.connect() as connection:
                row = (await connection.execute(select(table).order_by(*table.primary_key).limit(1))).mappings().one()
            for damage in damages(table):
                column = damage.column
                async with shared_around.engine.begin() as connection:
                    spoilt = update(table).where(*is_row(table, row)).values({column: literal_column(damage.value)})
                    assert (await connection.execute(spoilt)).rowcount == 1
                for url in urls:
                    if said := fault(sound[url], await ask(client, url), damage, url):
                        wrong[f"{table.fullname}.{column.name} = {damage.value}: {url}"] = said
                async with shared_around.engine.begin() as connection:
                    place = dict(row) | ({column.name: literal_column(damage.value)} if column.primary_key else {})
                    mended = update(table).where(*is_row(table, place)).values({column: row[column.name]})
                    try:
                        async with connection.begin_nested():
                            is_there = (await connection.execute(mended)).rowcount
                    except IntegrityError:  # the service has written anew the row that it missed
                        await connection.execute(delete(table).where(*is_row(table, place)))
                    else:
                        if not is_there:  # by its new time it was due, and done
                            await connection.execute(insert(table).values(dict(row)))
    assert wrong == {}


def test_each_get_of_the_documents_is_asked(requests: dict[str, list[str]]) -> None:
    assert set(requests) == {operation for service in SERVICES for operation in operations(service)}


async def test_no_table_without_rows_is_passed_over_unsaid(shared_around: Surroundings) -> None:
    known = {table.fullname for table in SQLModel.metadata.sorted_tables}
    assert known >= WHOLE | EMPTY
    async with shared_around.engine.connect() as connection:
        for name in sorted(EMPTY):
            await connection.scalar(select(func.count()).select_from(SQLModel.metadata.tables[name]))
