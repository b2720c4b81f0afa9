"""`GET /v1/summary`: the same numbers as the lists of statuses have, today and at each month's end."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import FrameType
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.scoring.asking.work_slots import SLOTS
from services.scoring.following import published_statuses
from services.scoring.following.change_feed import ChangeFeed
from services.scoring.following.hindsight import HindsightCounts, Progress
from services.scoring.judging.judge import Judge
from shared.contracts.status import Status
from shared.reference.plans import Plans
from tests.binding_plan import binding_reference
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import changes, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

ELSEWHERE = {"unit": "06280", "district": "184"}


async def summary(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/summary", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(day: dict[str, Any], cohort: str | None = None) -> Counter[tuple[str, str, str]]:
    """Return the communes by district, criterion and status."""
    return Counter(
        {
            (district["district"]["code"], cell["criterion"], status): number
            for district in day["districts"]
            for cell in district["cells"]
            if cell["cohort"] == cohort
            for status, number in cell["statuses"].items()
        }
    )


async def listed(client: httpx.AsyncClient, cohort: str | None = None, **query: Any) -> Counter[tuple[str, str, str]]:
    page = (await client.get("/v1/statuses", params={"limit": 5000, **query})).json()
    assert page["next"] is None
    return Counter(
        (item["district"]["code"], item["criterion"]["key"], item["status"])
        for item in page["items"]
        if cohort is None or cohort in item["cohorts"]
    )


async def test_the_counts_are_those_of_the_lists(around: Surroundings, scoring: Service) -> None:
    province, district = await around.key("20"), await around.key("184")
    commune = await around.key("06280")
    days = [date(2023, 7, 31), date(2023, 8, 20), date(2023, 9, 30), date(2023, 10, 31), date(2023, 11, 30)]
    poor = {"2022-12": 200, "2023-01": 120, "2023-06": 195, "2023-09": 196, "2023-10": 100}
    async with scoring.client(province) as client:
        assert counts((await summary(client))["days"][0]) == await listed(client)
        for on, (period, number) in zip(days, poor.items(), strict=True):
            await around.set_day(on)
            await eventually(lambda on=on: _is_at(scoring, on))
            await put_on_stream(
                around,
                poverty_report(period, number, on),
                poverty_report(period, number // 3, on, **ELSEWHERE),
            )

            async def are_scored(period: str = period) -> bool:
                page = (await client.get("/v1/communes/06280")).json()
                of_poverty = next(one for one in page["statuses"] if one["criterion"]["key"] == "ntm-11")
                return bool(of_poverty["assessment"]["parts"][0]["period"] == period)

            await eventually(are_scored)
            await changes(around)
            today = await summary(client)
            assert counts(today["days"][0]) == await listed(client), on
            assert counts(today["days"][0], "border-2023") == await listed(client, "border-2023"), on

        through_the_year = await summary(client, months=True)
        ends = [day["on"] for day in through_the_year["days"]]
        assert (len(ends), ends[0], ends[-2:]) == (12, "2022-12-31", ["2023-10-31", "2023-11-30"])
        for day in through_the_year["days"][1:]:
            assert counts(day) == await listed(client, as_of=day["on"]), day["on"]
        assert len({str(counts(day)) for day in through_the_year["days"]}) == 3, "the year has changed something"
        assert [day["districts"][0]["communes"] for day in through_the_year["days"]] == [3] * 12
        assert {cohort["id"] for cohort in through_the_year["cohorts"]} >= {"border-2023"}

        await scoring.kill()
        await scoring.start()
        assert await summary(client, months=True) == through_the_year
        past = await summary(client, as_of="2023-09-30")
        assert past["days"] == [through_the_year["days"][9]]
    async with scoring.client(district) as client:
        [own] = (await summary(client))["days"][0]["districts"]
        assert own["district"]["code"] == "184"
    async with scoring.client(commune) as client:
        assert (await summary(client))["days"][0]["districts"] == []


async def of_hindsight(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    """Return the summary by all that is known now, once it is counted."""

    async def is_counted() -> dict[str, Any] | None:
        answer = await client.get("/v1/summary", params={"known": "now", "months": True, **query})
        if answer.status_code == 202:
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["counted"] < answer.json()["asked"]
            return None
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return dict(await eventually(is_counted))


async def listed_in_hindsight(client: httpx.AsyncClient, on: str) -> Counter[tuple[str, str, str]]:
    page = (await client.get("/v1/statuses", params={"limit": 5000, "as_of": on})).json()
    assert page["next"] is None
    return Counter(
        (item["district"]["code"], item["criterion"]["key"], item["actual"]["status"]) for item in page["items"]
    )


async def test_what_is_known_now_is_counted_as_it_is_listed_and_a_late_correction_moves_it(
    around: Surroundings, scoring: Service
) -> None:
    await put_on_stream(
        around, poverty_report("2022-12", 200), poverty_report("2023-04", 400), poverty_report("2023-05", 20)
    )
    await scored(around, 3)
    async with scoring.client(await around.key("20")) as client:
        then, first = await summary(client, months=True), await of_hindsight(client)
        assert [day["on"] for day in first["days"]] == [day["on"] for day in then["days"]]
        for day in first["days"][1:]:
            assert counts(day) == await listed_in_hindsight(client, day["on"]), day["on"]
        assert counts(first["days"][5]) != counts(then["days"][5]), "in May nothing had been published"

        await put_on_stream(around, poverty_report("2023-04", 20, revision=2))
        await scored(around, 4)

        async def is_corrected() -> bool:
            found = await of_hindsight(client)
            return counts(found["days"][4]) != counts(first["days"][4])

        await eventually(is_corrected)
        corrected = await of_hindsight(client)
        for day in corrected["days"][1:]:
            assert counts(day) == await listed_in_hindsight(client, day["on"]), day["on"]
        assert counts((await summary(client, months=True))["days"][4]) == counts(then["days"][4]), "known then"
    async with scoring.client(await around.key("184")) as client:
        [own] = (await of_hindsight(client))["days"][0]["districts"]
        assert own["district"]["code"] == "184"


async def test_a_damaged_change_hides_none_behind_it(
    around: Surroundings, scoring: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2022-12", 200, **ELSEWHERE))
    await scored(around, 2)
    assert len(await changes(around)) > 2
    async with around.engine.begin() as connection:
        first = "(SELECT min(number) FROM scoring.change)"
        await connection.execute(text(f"UPDATE scoring.change SET after = 'spoilt' WHERE number = {first}"))  # noqa: S608
    monkeypatch.setattr(published_statuses, "_AT_ONCE", 1)
    history = published_statuses.PublishedStatuses(around.engine, ChangeFeed(around.engine))
    reference = binding_reference()
    days = await history.ask(Plans([reference]), lambda known: list(known.counts(reference, START)))
    told: Counter[Status] = Counter()
    for _, cells in days:
        for cell, statuses in cells.items():
            if cell.criterion == "ntm-11" and cell.cohort is None:
                told += statuses
    assert told[Status.BEHIND] + told[Status.NOT_MET] == 1


DAYS = [date(2023, 4, 30), date(2023, 5, 31)]


async def hindsight(kept: HindsightCounts) -> list[Any]:
    async def are_counted() -> list[Any] | None:
        found = await kept.ask(Plans([binding_reference()]), DAYS, SLOTS)
        return None if isinstance(found, Progress) else found

    return list(await eventually(are_counted))


async def test_counts_are_kept_until_figures_change_and_then_made_for_their_districts_alone(
    around: Surroundings, scoring: Service
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2022-12", 200, **ELSEWHERE))
    await scored(around, 2)
    kept = HindsightCounts(around.engine, look_seconds=0)
    with judging() as judged:
        first = await hindsight(kept)
    assert judged[threading.get_ident()] == 0, "in the loop"
    assert judged.total() > 0
    with judging() as judged:
        assert await hindsight(kept) == first
    assert judged.total() == 0

    before = {district: dict(found) for district, found in first[0].items()}
    await put_on_stream(around, poverty_report("2022-12", 20, revision=2))
    await scored(around, 3)
    with judging() as judged:
        after = (await hindsight(kept))[0]
    units = binding_reference().units
    [moved] = [district for district in after if after[district] != before[district]]
    assert units.by_key(moved).code == "180"
    communes = units.communes(DAYS[0], "180")
    assert 0 < judged.total() <= len(communes) * len(binding_reference().criterion_keys)
    await kept.end()


@contextmanager
def judging() -> Iterator[Counter[int]]:
    """Count how often criteria are judged during the block, by the thread that does."""
    calls: Counter[int] = Counter()

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is Judge.criterion_through.__code__:
            calls[threading.get_ident()] += 1

    threading.setprofile_all_threads(look)
    try:
        yield calls
    finally:
        threading.setprofile_all_threads(None)


async def _is_at(scoring: Service, on: date) -> bool:
    return bool(await scoring.fact("today") == str(on))
