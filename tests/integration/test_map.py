"""`GET /v1/map`: tiles have the statuses that the lists have and the summary counts, today and at ends of months."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import httpx
import pytest

from tests.binding_plan import binding_reference
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.integration.test_summary import ELSEWHERE, counts, summary
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

POVERTY = "ntm-11"


async def the_map(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/map", params={"criterion": POVERTY, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def counted(found: dict[str, Any], at: int, cohort: bool = False) -> Counter[tuple[str, str, str]]:
    """Return the communes of one of the map's days by district, criterion and status; `cohort`: only those in it."""
    return Counter(
        (tile["district"], found["criterion"]["key"], tile["statuses"][at])
        for tile in found["tiles"]
        if tile["statuses"][at] is not None and (tile["in_cohort"] or not cohort)
    )


async def test_a_tile_has_the_status_that_the_lists_have_and_the_summary_counts(
    around: Surroundings, scoring: Service
) -> None:
    reports = [poverty_report("2022-12", 200), poverty_report("2022-12", 20, **ELSEWHERE)]
    await put_on_stream(around, *reports)
    await scored(around, 2)
    for on, period, number in ((date(2023, 7, 31), "2023-06", 60), (date(2023, 8, 20), "2023-07", 300)):
        await around.set_day(on)

        async def is_at(on: date = on) -> bool:
            return bool(await scoring.fact("today") == str(on))

        await eventually(is_at)
        await put_on_stream(around, poverty_report(period, number, on))

        async def is_published(on: date = on) -> bool:
            return any(change["on"] == str(on) for change in await changes(around))

        await eventually(is_published)
    reference = binding_reference()
    async with scoring.client(await around.key("20")) as client:
        found = await the_map(client, months=True)
        through_the_year = await summary(client, months=True)
        assert found["days"] == [day["on"] for day in through_the_year["days"]]
        assert len({str(counted(found, at)) for at in range(len(found["days"]))}) >= 3, "the year has changed something"
        for at, day in enumerate(through_the_year["days"]):
            of_poverty = {key: number for key, number in counts(day).items() if key[1] == POVERTY}
            assert counted(found, at) == of_poverty, day["on"]
            page = (await client.get("/v1/statuses", params={"criterion": POVERTY, "as_of": day["on"]})).json()
            of_tiles = {tile["unit"]["code"]: tile["statuses"][at] for tile in found["tiles"]}
            assert at == 0 or of_tiles == {item["unit"]["code"]: item["status"] for item in page["items"]}, day["on"]
        assert [tile["unit"]["code"] for tile in found["tiles"]] == sorted(of_tiles)
        assert await the_map(client) == {
            **found,
            "days": found["days"][-1:],
            "tiles": [{**tile, "statuses": tile["statuses"][-1:]} for tile in found["tiles"]],
        }

        of_border = await the_map(client, cohort="border-2023")
        [today] = (await summary(client))["days"]
        of_cohort = {key: number for key, number in counts(today, "border-2023").items() if key[1] == POVERTY}
        assert counted(of_border, 0, cohort=True) == of_cohort != counted(of_border, 0)

        places = {tile.unit: list(tile.at) for tile in (reference.tiles.tiles if reference.tiles else ())}
        units = reference.units
        for tile in found["tiles"]:
            unit = units.find(tile["unit"]["code"], date(2023, 8, 20))
            assert unit is not None
            assert tile["at"] == places[unit.key]
        assert found["verified"] is False
        assert {one["code"] for one in found["districts"]} == {tile["district"] for tile in found["tiles"]}


async def test_the_map_has_only_the_communes_of_the_key(around: Surroundings, scoring: Service) -> None:
    async with scoring.client(await around.key("184")) as client:
        found = await the_map(client)
        assert {tile["district"] for tile in found["tiles"]} == {"184"} == {one["code"] for one in found["districts"]}
    async with scoring.client(await around.key(BORDER)) as client:
        assert [tile["unit"]["code"] for tile in (await the_map(client))["tiles"]] == [BORDER]


@pytest.mark.parametrize(
    "query", [{"criterion": "ntm-99"}, {"cohort": "nobody"}, {"as_of": "2031-01-01"}, {"as_of": "soon"}]
)
async def test_a_map_of_what_is_not_known_is_refused(
    around: Surroundings, scoring: Service, query: dict[str, str]
) -> None:
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get("/v1/map", params={"criterion": POVERTY, **query})
    assert answer.status_code in (400, 422), answer.text
    assert next(iter(query)) in answer.text
