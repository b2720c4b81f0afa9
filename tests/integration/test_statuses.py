"""`GET /v1/statuses`: what its filters choose, in full and in short, page by page, today and at an earlier day."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.scoring.storage.tables import SubmissionRow
from shared.contracts.status import Status
from tests.binding_plan import binding_reference
from tests.integration.test_scoring import BORDER, count, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

type Query = dict[str, Any]


async def pages(client: httpx.AsyncClient, path: str = "/v1/statuses", **query: Any) -> list[dict[str, Any]]:
    """Return the items of all pages."""
    items: list[dict[str, Any]] = []
    while True:
        answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next"] is None:
            return items
        assert len(page["items"]) == query["limit"] or path == "/v1/recognitions"  # of a commune all
        query["cursor"] = page["next"]


def shortened(item: dict[str, Any]) -> dict[str, Any]:
    assert item["overdue"] == item["assessment"]["overdue"]
    return item | {"assessment": None, "actual": None, "now": None}


@pytest.fixture
async def judged(around: Surroundings, scoring: Service) -> Service:
    """Scoring with reports of four communes, of which some are overdue."""
    sent = [
        *(poverty_report(period, poor) for period, poor in (("2022-12", 200), ("2023-04", 195), ("2023-05", 190))),
        *(poverty_report("2022-12", 100, unit=code, district="184") for code in ("06280", "06283")),
        poverty_report("2023-05", 40, unit="06280", district="184"),
    ]
    await put_on_stream(around, *sent)

    async def all_are_stored() -> bool:
        return await count(around, SubmissionRow) == len(sent)

    await eventually(all_are_stored)
    return scoring


@pytest.mark.parametrize("as_of", [{}, {"as_of": "2023-06-15"}], ids=["today", "earlier"])
async def test_the_filters_choose_what_the_whole_list_says(around: Surroundings, judged: Service, as_of: Query) -> None:
    async with judged.client(await around.key("20")) as client:
        whole = await pages(client, limit=5000, **as_of)
        late = [item for item in whole if item["assessment"]["overdue"]]
        assert 0 < len(late) < len(whole)
        cohort = late[0]["cohorts"][0]
        chosen: list[tuple[Query, list[dict[str, Any]]]] = [
            ({"overdue": True}, late),
            ({"overdue": False}, [item for item in whole if item not in late]),
            ({"status": "met"}, [item for item in whole if item["status"] == "met"]),
            ({"cohort": cohort}, [item for item in whole if cohort in item["cohorts"]]),
            ({"q": "06280"}, [item for item in whole if item["unit"]["code"] == "06280"]),
            ({"q": "diem he"}, [item for item in whole if item["unit"]["name"] == "xã Điềm He"]),
            ({"q": "Điềm  HE "}, [item for item in whole if item["unit"]["name"] == "xã Điềm He"]),
            ({"q": "0628"}, []),
            (
                {"criterion": "ntm-11", "overdue": True, "cohort": cohort},
                [item for item in late if item["criterion"]["key"] == "ntm-11" and cohort in item["cohorts"]],
            ),
        ]
        for query, expected in chosen:
            assert await pages(client, limit=5000, **query, **as_of) == expected, query
            short = await pages(client, limit=len(expected) // 5 + 1, form="short", **query, **as_of)
            assert short == [shortened(item) for item in expected], query


async def test_a_long_list_is_paged_beyond_what_is_looked_through_at_once(
    around: Surroundings, judged: Service
) -> None:
    async with judged.client(await around.key("20")) as client:
        whole = await pages(client, limit=5000, form="short")
        assert await pages(client, limit=97, form="short") == whole
        assert await pages(client, limit=1, overdue=True, form="short") == [item for item in whole if item["overdue"]]


async def test_recognitions_and_the_nearest_know_the_same_filters(around: Surroundings, judged: Service) -> None:
    async with judged.client(await around.key("20")) as client:
        for path, query in (("/v1/nearest", {"criterion": "ntm-11"}), ("/v1/recognitions", {})):
            whole = await pages(client, path, limit=5000, **query)
            assert await pages(client, path, limit=1, **query) == whole
            found = await pages(client, path, limit=5000, q="dao vien", **query)
            assert found == [item for item in whole if item["unit"]["name"] == "xã Đào Viên"]
        assert BORDER in {
            item["unit"]["code"] for item in await pages(client, "/v1/nearest", limit=9, criterion="ntm-11")
        }


@pytest.mark.parametrize(
    "query", [{"cohort": "what"}, {"form": "long"}, {"overdue": "maybe"}, {"q": ""}, {"limit": 5001}]
)
async def test_a_filter_that_means_nothing_is_refused(around: Surroundings, scoring: Service, query: Query) -> None:
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get("/v1/statuses", params=query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.text


async def test_answers_are_compressed_and_what_is_sent_live_is_not(around: Surroundings, scoring: Service) -> None:
    async with scoring.client(await around.key("20")) as client:

        async def both_say_the_same() -> bool:  # a service that has just started may still be judging
            listed = await client.get("/v1/statuses")
            assert listed.headers["content-encoding"] == "gzip"
            plain = await client.get("/v1/statuses", headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            return bool(plain.json() == listed.json())

        await eventually(both_say_the_same)
        async with client.stream("GET", "/v1/changes/live") as live:
            assert "content-encoding" not in live.headers


async def test_of_any_stored_rows_the_filters_choose_what_the_whole_list_says(
    around: Surroundings, scoring: Service
) -> None:
    random, reference = Random(15), binding_reference()  # noqa: S311 - rows, not secrets
    overdue = ["[]", "[]", '["2023-05"]', '["2023-04", "2023-05"]', "{}", '["2023-05", 7]']
    rows = [
        {
            "unit": unit.key,
            "criterion": criterion,
            "status": random.choice([*Status, "what"]),
            "overdue": random.choice(overdue),
            "since": random.choice(["2023-06-01", "2023-06-01", "infinity"]),
        }
        for unit in reference.units.communes(START, "20")
        for criterion in reference.criteria_of(unit)
        if random.random() < 0.6
    ]
    statement = """
        INSERT INTO scoring.status (unit, criterion, status, since, judged_on, overdue, contradictory)
        VALUES (:unit, :criterion, :status, CAST(:since AS text)::date, '2023-06-30',
                CAST(:overdue AS text)::jsonb, false)
        ON CONFLICT (unit, criterion) DO UPDATE
        SET status = excluded.status, since = excluded.since, overdue = excluded.overdue
    """
    async with around.engine.begin() as connection:
        await connection.execute(text(statement), rows)
    async with scoring.client(await around.key("20")) as client:
        whole = await pages(client, limit=5000, form="short")
        assert {bool(item["overdue"]) for item in whole} == {False, True}
        asked: list[Query] = [{"status": status.value} for status in Status]
        asked += [{"overdue": True}, {"overdue": False}, {"status": "no_data", "overdue": True}]
        asked += [query | {"criterion": "ntm-12"} for query in asked]
        for query in asked:
            wanted = [item for item in whole if _chosen(item, **query)]
            assert wanted, query
            assert await pages(client, limit=random.choice([53, 5000]), form="short", **query) == wanted, query


def _chosen(item: dict[str, Any], status: str = "", overdue: bool | None = None, criterion: str = "") -> bool:
    return (
        status in ("", item["status"])
        and overdue in (None, bool(item["overdue"]))
        and criterion in ("", item["criterion"]["key"])
    )
