"""`GET /v1/series`: each point is what the other answers say of its day, and sums are never averages of rates."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

DISTRICT = "180"
NEIGHBOUR = "06007"
POOR = {"2022-12": 200, "2023-01": 190, "2023-03": 150, "2023-04": 160, "2023-05": 120}


@pytest.fixture(scope="module")
async def client(shared_around: Surroundings, shared_scoring: Service) -> Any:
    around, scoring = shared_around, shared_scoring
    reports = [poverty_report(period, poor, date(2023, 6, 5)) for period, poor in POOR.items()]
    other = {"households": 3000, "poor_households": 900, "near_poor_households": 0}
    await put_on_stream(
        around, *reports, poverty_report("2023-02", 0, date(2023, 3, 3), unit=NEIGHBOUR, readings=other)
    )

    async def are_scored() -> bool:
        found = await changes(around)
        return {BORDER, NEIGHBOUR} <= {change["unit"]["code"] for change in found}

    await eventually(are_scored)
    async with scoring.client(await around.key("20")) as client:
        yield client


async def series(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get("/v1/series", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_communes_points_are_what_was_so_on_their_days(client: httpx.AsyncClient) -> None:
    found = await series(client, unit=BORDER, criterion="ntm-11")
    [line] = found["lines"]
    assert (line["measured_in"], line["direction"], line["deadline"]) == ("percent", "at_most", "2023-12-31")
    points = {point["on"]: point for point in line["points"]}
    assert list(points) == [
        "2022-12-31",
        "2023-01-31",
        "2023-02-28",
        "2023-03-31",
        "2023-04-30",
        "2023-05-31",
        "2023-06-30",
    ]
    assert [point["value"] for point in points.values()] == [20, 19, 19, 15, 16, 12, 12]
    assert points["2023-02-28"]["period"] == "2023-01"
    for day, point in points.items():
        commune = (await client.get(f"/v1/communes/{BORDER}", params={"as_of": day})).json()
        [status] = [one for one in commune["statuses"] if one["criterion"]["key"] == "ntm-11"]
        [part] = status["actual"]["parts"]
        for name in (
            "value",
            "numerator",
            "denominator",
            "required",
            "tolerated",
            "goal",
            "status",
            "provisional",
            "stale",
            "period",
            "break_in_series",
        ):
            assert point[name] == part[name], (day, name)


async def test_a_commitments_points_are_its_assessments(client: httpx.AsyncClient) -> None:
    found = await series(client, unit="20", commitment="poverty-communes", step="month")
    [line] = found["lines"]
    assert (line["baseline"], found["commitment"]["id"]) == (77, "poverty-communes")
    for point in line["points"]:
        listed = (await client.get("/v1/targets", params={"as_of": point["on"]})).json()["items"]
        [item] = [
            one for one in listed if one["commitment"]["id"] == "poverty-communes" and one["unit"]["code"] == "20"
        ]
        [part] = item["assessment"]["parts"]
        for name in ("required", "tolerated", "goal"):
            assert point[name] == part[name], point["on"]


async def test_the_rate_of_a_district_is_of_all_households_and_no_average(client: httpx.AsyncClient) -> None:
    for unit, expected in ((DISTRICT, 21), ("20", 181)):
        [line] = (await series(client, unit=unit, criterion="ntm-11"))["lines"]
        points = {point["on"]: point for point in line["points"]}
        february, june = points["2023-02-28"], points["2023-06-30"]
        assert (february["numerator"], february["denominator"], february["value"]) == (1090, 4000, 27.25)
        assert (june["numerator"], june["denominator"], june["value"]) == (1020, 4000, 25.5)
        assert (june["units_counted"], june["units_expected"], june["units_met"]) == (2, expected, 1)
        assert (points["2022-12-31"]["units_counted"], points["2022-12-31"]["value"]) == (1, 20)
        assert (june["status"], june["required"], june["tolerated"]) == (None, None, None)


async def test_what_cannot_be_summed_is_counted(client: httpx.AsyncClient) -> None:
    [line, *_] = (await series(client, unit="20", criterion="ntm-1"))["lines"]
    assert {(point["value"], point["units_counted"]) for point in line["points"]} == {(None, 0)}


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ({"unit": "99999", "criterion": "ntm-11"}, 422, "/unit"),
        ({"unit": BORDER}, 400, "/criterion"),
        ({"unit": BORDER, "criterion": "ntm-11", "commitment": "poverty-communes"}, 400, "/criterion"),
        ({"unit": BORDER, "criterion": "ntm-99"}, 400, "/criterion"),
        ({"unit": BORDER, "commitment": "poverty-communes"}, 400, "/commitment"),
        ({"unit": BORDER, "criterion": "ntm-11", "from": "2023-06-01", "to": "2023-05-01"}, 400, "/from"),
        ({"unit": BORDER, "criterion": "ntm-11", "from": "2000-01-01", "step": "day"}, 400, "/step"),
    ],
)
async def test_a_question_without_sense_is_refused_by_its_field(
    client: httpx.AsyncClient, query: dict[str, str], status: int, pointer: str
) -> None:
    answer = await client.get("/v1/series", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)
