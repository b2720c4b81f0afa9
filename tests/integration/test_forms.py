"""`GET /v1/forms/{report}`: a report of the calendar as a form, with the figures that stand beside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_reviews import post, poverty
from tests.running import Service, Surroundings
from tests.waiting import eventually

UNIT, DISTRICT = "06280", "184"


@pytest.fixture(scope="module")
async def intake(shared_around: Surroundings) -> Service:
    intake = await shared_around.start("intake")
    key = await shared_around.key("20", agency="so-ldtbxh")
    for poor, period in ((131, "2023-05"), (120, "2023-06")):
        await post(intake, key, poverty(poor, period, unit=UNIT))

    async def stands() -> bool:
        return "poor_households" in (await form(intake, key))["units"][0]["stands"]

    await eventually(stands)
    return intake


async def answer(intake: Service, key: str, report: str = "poverty-monthly", **asked: str) -> Any:
    async with intake.client(key) as client:
        return await client.get(f"/v1/forms/{report}", params={"unit": UNIT, "period": "2023-06", **asked})


async def form(intake: Service, key: str, report: str = "poverty-monthly", **asked: str) -> Any:
    got = await answer(intake, key, report, **asked)
    assert got.status_code == 200, got.text
    return got.json()


async def test_a_form_has_the_report_s_elements_with_the_figures_before_and_those_that_stand(
    intake: Service, shared_around: Surroundings
) -> None:
    found = await form(intake, await shared_around.key(UNIT, agency="xa"))
    assert found["elements"] == ["households", "poor_households", "near_poor_households"]
    [of] = found["units"]
    assert (of["unit"]["code"], of["district"]) == (UNIT, "huyện Văn Quan")
    assert of["before"]["poor_households"]["value"] == 131
    stands = of["stands"]["poor_households"]
    assert (stands["value"], stands["agency"], stands["stage"]) == (120, "so-ldtbxh", "reported")
    assert stands["received_at"]


async def test_a_report_of_offices_lists_those_that_owe_it_and_one_on_entitlements_its_communes(
    intake: Service, shared_around: Surroundings
) -> None:
    key = await shared_around.key("20", agency="vpdp")
    jobs = await form(intake, key, "jobs-monthly", unit="20")
    assert {one["unit"]["kind"] for one in jobs["units"]} == {"district", "city"}
    entitled = await form(intake, key, "entitlements-quarterly", unit=DISTRICT, period="2023-Q2")
    assert (len(entitled["elements"]), len(entitled["units"])) == (12, 17)


@pytest.mark.parametrize(("report", "asked", "status"), [
    ("nonsense", {}, 400),
    ("poverty-monthly", {"period": "2023-Q2"}, 400),
    ("jobs-monthly", {}, 422),
    ("poverty-monthly", {"unit": "06004"}, 403),
    ("education-half-yearly", {"period": "2023-H1"}, 403),
])  # fmt: skip
async def test_what_is_no_form_of_this_key_is_refused_in_words(
    intake: Service, shared_around: Surroundings, report: str, asked: dict[str, str], status: int
) -> None:
    key = await shared_around.key(DISTRICT, criteria=("ntm-11", "ntm-12"), agency="phong")
    got = await answer(intake, key, report, **asked)
    assert (got.status_code, bool(got.json()["title"])) == (status, True), got.text
