"""Answers about a past day: a late correction changes the actual state of that day, never the state known on it."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream, scored
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

MARCH = {"as_of": "2023-04-10"}


async def poverty(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/communes/{BORDER}", params=query)
    assert answer.status_code == 200, answer.text
    return next(one for one in answer.json()["statuses"] if one["criterion"]["key"] == "ntm-11")


def value(assessment: dict[str, Any]) -> float:
    (part,) = assessment["parts"]
    return float(part["value"])


async def test_a_late_correction_changes_what_was_so_and_not_what_was_known(
    around: Surroundings, scoring: Service
) -> None:
    key = await around.key("20")
    await put_on_stream(
        around,
        poverty_report("2022-12", 200, date(2023, 1, 10)),
        poverty_report("2023-03", 120, date(2023, 4, 5)),
    )
    await eventually(lambda: scored(around, 2))
    async with scoring.client(key) as client:
        before = await poverty(client, **MARCH)
        assert (before["status"], value(before["assessment"]), value(before["actual"])) == ("met", 12, 12)

        await put_on_stream(around, poverty_report("2023-03", 195, date(2023, 6, 20), revision=2))
        await eventually(lambda: _has_fallen(around))
        after = await poverty(client, **MARCH)
        assert (after["status"], value(after["assessment"])) == ("met", 12)
        assert (after["actual"]["status"], value(after["actual"])) == ("behind", 19.5)
        now = await poverty(client)
        assert (now["status"], value(now["assessment"]), now["actual"]) == ("behind", 19.5, None)


async def test_a_late_report_was_so_before_it_was_known(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    await put_on_stream(
        around,
        poverty_report("2022-12", 200, date(2023, 1, 10)),
        poverty_report("2023-02", 120, date(2023, 6, 1)),
    )
    await eventually(lambda: scored(around, 2))
    async with scoring.client(key) as client:
        then = await poverty(client, as_of="2023-03-01")
        assert then["assessment"]["parts"][0]["period"] == "2022-12"
        assert then["actual"]["parts"][0]["period"] == "2023-02"
        page = (await client.get("/v1/statuses", params={"as_of": "2023-03-01", "status": then["status"]})).json()
        (item,) = (
            one for one in page["items"] if one["criterion"]["key"] == "ntm-11" and one["unit"]["code"] == BORDER
        )
        assert item["actual"]["status"] == "met"


async def test_the_provinces_past_is_told_both_ways(around: Surroundings, scoring: Service) -> None:
    key = await around.key("20")
    units = {BORDER: "180", "06280": "184"}
    await put_on_stream(
        around,
        *(
            poverty_report("2022-12", 200, date(2023, 1, 10), unit=unit, district=district)
            for unit, district in units.items()
        ),
        poverty_report("2022-12", 100, date(2023, 6, 10), revision=2),
    )
    await eventually(lambda: scored(around, 3))
    async with scoring.client(key) as client:

        async def counted() -> list[Any]:
            found = (await client.get("/v1/targets", params={"as_of": "2023-02-01"})).json()["items"]
            return [one for one in found if one["commitment"]["id"] == "poverty-communes"]

        (item,) = await counted()
        # in both pasts too few communes have figures for a count
        assert (item["status"], item["actual"]["status"]) == ("no_data", "no_data")


async def _has_fallen(around: Surroundings) -> bool:
    return (await changes(around))[-1]["after"] == "behind"
