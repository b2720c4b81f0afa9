"""`GET /v1/summary`: the same numbers as the lists of statuses have, today and at each month's end."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import httpx
import pytest

from tests.integration.test_scoring import changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
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


async def _is_at(scoring: Service, on: date) -> bool:
    return bool(await scoring.fact("today") == str(on))
