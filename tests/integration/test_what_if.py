"""Suppositions and the communes nearest to a goal, asked of the real scoring, which stores nothing of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from services.scoring.asking.what_if_request import PLAN_LETTERS
from shared.contracts.preview import PREVIEW_LIMIT
from shared.contracts.status import Stage
from shared.postgres.migrations import schema_metadata
from tests.binding_plan import binding_reference, binding_text
from tests.builders import an_accepted_submission
from tests.integration.test_scoring import put_on_stream
from tests.running import START, Service, Surroundings, has_to_publish
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

JSON = {"Content-Type": "application/json"}
BORDER = "06004"  # xã Đào Viên, huyện Tràng Định: the plan of `binding` binds it to criterion 11
DISTRICT = "180"
FREE = "06280"  # xã Điềm He, huyện Văn Quan: no cohort binds it to the criterion
RATE = "poverty-rate-poor-districts"
PLAN = binding_text()


def poverty(poor: int, unit: str = BORDER, period: str = "2022-12", **changes: Any) -> dict[str, Any]:
    counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    return {"unit": unit, "period": period, "readings": counts, **changes}


@pytest.fixture(scope="module")
async def scoring(shared_around: Surroundings) -> Service:
    service = await shared_around.start("scoring")
    reference = binding_reference()
    figures = [
        an_accepted_submission(
            datetime(2023, 6, 1, 2, tzinfo=UTC),
            **poverty(200 if "border-2023" in _cohorts(unit.code) else 140 + number, unit.code, period),
            district=district.code if (district := reference.units.district(unit)) else None,
        )
        for period in ("2022-12", "2023-05")
        for number, unit in enumerate(reference.units.communes(START, "20"))
        if unit.code != "06619"
    ]
    await put_on_stream(shared_around, *figures)
    await eventually(lambda: service.fact("ticked"))
    await eventually(lambda: _is_judged(service, shared_around))
    return service


def _cohorts(code: str) -> list[str]:
    return [cohort.id for cohort in binding_reference().plan.cohorts if code in cohort.members]


async def _is_judged(service: Service, around: Surroundings) -> bool:
    async with service.client(await around.key("20")) as client:
        items = (await client.get("/v1/targets")).json()["items"]
    rate = next(one for one in items if one["commitment"]["id"] == "poverty-rate")
    is_counted = rate["assessment"]["parts"][0]["units_counted"] == 180
    return is_counted and not await has_to_publish(around.engine, "scoring")


@pytest.fixture(scope="module")
async def province(shared_around: Surroundings, scoring: Service) -> str:
    return await shared_around.key("20")


async def ask(service: Service, key: str, **supposed: Any) -> httpx.Response:
    async with service.client(key) as client:
        return await client.post("/v1/what-if", json=supposed, headers={"Accept-Language": "en"})


async def answer(service: Service, key: str, **supposed: Any) -> dict[str, Any]:
    response = await ask(service, key, **supposed)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def of(found: list[dict[str, Any]], commitment: str) -> dict[str, Any]:
    (one,) = [one for one in found if one["commitment"]["id"] == commitment]
    return one


async def rows(around: Surroundings) -> dict[str, int]:
    async with around.engine.connect() as connection:
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in schema_metadata("scoring").sorted_tables
        }


async def test_supposed_figures_tell_what_would_change_for_the_commune_and_above(
    scoring: Service, province: str
) -> None:
    found = await answer(scoring, province, submissions=[poverty(120, period="2023-06")])
    (status,) = found["statuses"]
    assert (status["unit"]["code"], status["criterion"]["key"]) == (BORDER, "ntm-11")
    assert (status["before"]["status"], status["after"]["status"]) == ("behind", "met")
    assert "20 %" in status["before"]["reason"]["vi"]
    assert "12 %" in status["after"]["reason"]["en"]
    assert found["criteria_counts"]["ntm-11"] == {"before": {"behind": 1}, "after": {"met": 1}}
    communes = of(found["targets"], "poverty-communes")
    assert [communes[side]["parts"][0]["value"] for side in ("before", "after")] == [0, 1]
    rate = of(found["targets"], "poverty-rate")
    fell = rate["before"]["parts"][0]["numerator"] - rate["after"]["parts"][0]["numerator"]
    assert fell == 80


async def test_a_status_that_stays_has_its_reason_where_that_is_asked_for(scoring: Service, province: str) -> None:
    supposed = [poverty(190, period="2023-06")]
    assert (await answer(scoring, province, submissions=supposed))["statuses"] == []
    found = await answer(scoring, province, submissions=supposed, unchanged=True)
    assert {status["unit"]["code"] for status in found["statuses"]} == {BORDER}
    (poor,) = [status for status in found["statuses"] if status["criterion"]["key"] == "ntm-11"]
    assert poor["before"]["status"] == poor["after"]["status"] == "behind"
    assert "20 %" in poor["before"]["reason"]["vi"]
    assert "19 %" in poor["after"]["reason"]["vi"]


async def test_nothing_of_a_question_is_stored(shared_around: Surroundings, scoring: Service, province: str) -> None:
    before = await rows(shared_around)
    stored = await shared_around.stored("STATUS")
    first = await answer(scoring, province, submissions=[poverty(120, period="2023-06")], plan={"tolerance": 0.5})
    assert (
        await answer(scoring, province, submissions=[poverty(120, period="2023-06")], plan={"tolerance": 0.5}) == first
    )
    assert before["reading"] > 0
    assert await rows(shared_around) == before
    assert await shared_around.stored("STATUS") == stored


async def test_another_goal_changes_the_commitment_alone(scoring: Service, province: str) -> None:
    found = await answer(scoring, province, plan={"commitments": [{"id": "poverty-communes", "goal": 0}]})
    (target,) = found["targets"]
    assert target["commitment"]["id"] == "poverty-communes"
    assert (target["before"]["status"], target["after"]["status"]) == ("behind", "met")
    assert found["statuses"] == []
    assert found["target_counts"]["after"]["met"] == found["target_counts"]["before"].get("met", 0) + 1


async def test_a_change_instead_of_a_goal_and_another_deadline_count(scoring: Service, province: str) -> None:
    changes = [
        {"id": "poverty-communes", "change": 5},
        {"id": "poverty-rate", "deadline": "2024-12-31", "milestones": [{"on": "2024-06-30", "value": 20}]},
    ]
    found = (await answer(scoring, province, plan={"commitments": changes}))["targets"]
    assert of(found, "poverty-communes")["after"]["parts"][0]["goal"] == 82
    assert of(found, "poverty-rate")["after"]["parts"][0]["deadline"] == "2024-12-31"


async def test_other_members_of_a_cohort_are_bound_and_counted(scoring: Service, province: str) -> None:
    found = await answer(scoring, province, plan={"cohorts": [{"id": "border-2023", "members": [FREE]}]})
    changed = {one["unit"]["code"]: one for one in found["statuses"] if one["criterion"]["key"] == "ntm-11"}
    assert (changed[FREE]["before"]["status"], changed[FREE]["after"]["status"]) == ("not_met", "behind")
    assert (changed[BORDER]["before"]["status"], changed[BORDER]["after"]["status"]) == ("behind", "not_met")


async def test_figures_that_do_not_count_from_a_later_stage_on_are_no_data(scoring: Service, province: str) -> None:
    found = await answer(scoring, province, plan={"counts_from": Stage.CONFIRMED})
    assert found["criteria_counts"]["ntm-11"]["after"] == {"no_data": 181}
    assert of(found["targets"], "poverty-rate")["after"]["status"] == "no_data"


async def test_the_text_of_the_present_plan_changes_nothing(scoring: Service, province: str) -> None:
    found = await answer(scoring, province, plan_file=PLAN)
    assert (found["statuses"], found["targets"]) == ([], [])
    assert sum(found["criteria_counts"]["ntm-11"]["before"].values()) == 181


async def test_a_commitment_that_a_plan_file_lacks_is_gone_and_a_new_one_is_judged(
    scoring: Service, province: str
) -> None:
    other = PLAN.replace("id: poverty-communes", "id: poverty-villages")
    found = (await answer(scoring, province, plan_file=other))["targets"]
    assert of(found, "poverty-communes")["after"] is None
    assert of(found, "poverty-villages")["before"] is None
    assert of(found, "poverty-villages")["after"]["status"] == "behind"


async def test_a_later_day_shows_what_waiting_leads_to(scoring: Service, province: str) -> None:
    late = {"unit": FREE, "period": "2023-12"}
    found = await answer(scoring, province, submissions=[poverty(100, **late)], on="2024-01-01")
    assert found["on"] == "2024-01-01"
    assert found["criteria_counts"]["ntm-11"] == {"before": {"not_met": 1}, "after": {"met": 1}}
    rate = of(found["targets"], "poverty-rate")
    assert rate["before"]["status"] == "no_data", "nobody has sent the year's official result"


async def test_figures_that_others_outrank_are_said_to_have_no_effect(scoring: Service, province: str) -> None:
    old, current = poverty(1, period="2020"), poverty(1, revision=1)
    found = await answer(scoring, province, submissions=[current, old])
    assert found["without_effect"] == [f"/submissions/1/readings/{code}" for code in old["readings"]]


async def test_a_key_asks_about_its_units_and_criteria_only(shared_around: Surroundings, scoring: Service) -> None:
    district = await shared_around.key(DISTRICT, criteria=("ntm-12",))
    outside = await ask(scoring, district, submissions=[poverty(1, FREE)])
    assert outside.status_code == 403
    assert {one["code"] for one in outside.json()["errors"]} == {"outside_units", "outside_criteria"}
    own = await ask(scoring, district, submissions=[poverty(1)])
    assert {one["code"] for one in own.json()["errors"]} == {"outside_criteria"}
    found = await answer(scoring, district, plan={"cohorts": [{"id": "border-2023", "members": []}]})
    district_codes = {unit.code for unit in binding_reference().units.communes(START, DISTRICT)}
    assert {one["unit"]["code"] for one in found["statuses"]} < district_codes
    assert found["targets"] == []
    async with scoring.client() as client:
        assert (await client.post("/v1/what-if", json={})).status_code == 401


async def test_what_is_only_known_above_the_key_is_not_told(shared_around: Surroundings, scoring: Service) -> None:
    district = await shared_around.key("184")
    found = await answer(scoring, district, submissions=[poverty(100, FREE, "2023-06")])
    assert [(one["unit"]["code"], one["commitment"]["id"]) for one in found["targets"]] == [("184", RATE)]


@pytest.mark.parametrize(
    ("supposed", "pointer"),
    [
        ({"submissions": [poverty(1, "99998")]}, "/submissions/0/unit"),
        ({"submissions": [poverty(1), {**poverty(1), "readings": {"what": 1}}]}, "/submissions/1/readings/what"),
        ({"submissions": [{}]}, "/submissions/0/unit"),
        ({"submissions": [poverty(1)] * (PREVIEW_LIMIT + 1)}, "/submissions"),
        ({"plan": {"tolerance": 2}}, "/plan/tolerance"),
        ({"plan": {"what": 1}}, "/plan/what"),
        ({"plan": {"commitments": [{"id": "poverty-rate"}, {"id": "what"}]}}, "/plan/commitments/1/id"),
        ({"plan": {"cohorts": [{"id": "what", "members": []}]}}, "/plan/cohorts/0/id"),
        ({"plan": {"cohorts": [{"id": "border-2023", "members": ["99998"]}]}}, "/plan"),
        ({"plan": {"deadline": "9999-12-31"}}, "/plan/deadline"),
        ({"plan": {}, "plan_file": PLAN}, "/plan_file"),
        ({"plan_file": "a: [b"}, "/plan_file"),
        ({"plan_file": "a: &a [1]\nb: [*a, *a]"}, "/plan_file"),
        ({"plan_file": "[" * 10_000}, "/plan_file"),
        ({"plan_file": PLAN.replace('unit: "20"', 'unit: "99"')}, "/plan_file"),
        ({"plan_file": PLAN.replace('units: ["181", "184"]', f"units: [{', '.join(['184'] * 2000)}]")}, "/plan_file"),
        ({"plan_file": " " * (PLAN_LETTERS + 1)}, "/plan_file"),
        ({"on": "2023-06-29"}, "/on"),
        ({"on": "9999-12-31"}, "/on"),
        ({"what": 1}, "/what"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_told_so(
    scoring: Service, province: str, supposed: dict[str, Any], pointer: str
) -> None:
    response = await ask(scoring, province, **supposed)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert pointer in [one["pointer"] for one in response.json()["errors"]]


async def test_a_fault_in_a_plan_file_says_its_line(scoring: Service, province: str) -> None:
    response = await ask(scoring, province, plan_file=PLAN.replace("year: 2023\n", "year: two\n"))
    line = PLAN[: PLAN.index("year: 2023")].count("\n") + 1
    assert f"line {line}, year:" in response.json()["detail"]


@pytest.mark.parametrize(
    "supposed",
    [
        {"submissions": [poverty(10**4000, period="2023-06")]},
        {"plan": {"commitments": [{"id": "poverty-rate", "milestones": [{"on": "2023-06-30", "value": "1e999999"}]}]}},
        {"plan_file": PLAN.replace("baseline_date: 2022-12-31", "baseline_date: 9999-12-31")},
    ],
)
async def test_numbers_and_days_beyond_reckoning_are_refused(
    scoring: Service, province: str, supposed: dict[str, Any]
) -> None:
    response = await ask(scoring, province, **supposed)
    assert response.status_code == 422, response.text


async def test_what_is_too_much_or_no_json_is_refused_like_at_other_doors(scoring: Service, province: str) -> None:
    async with scoring.client(province) as client:
        too_large = await client.post("/v1/what-if", content=b" " * (4 * 1024 * 1024 + 1))
        no_json = await client.post("/v1/what-if", content=b"{nonsense", headers=JSON)
        other = await client.post("/v1/what-if", content=b"a: 1", headers={"Content-Type": "application/yaml"})
    assert [one.status_code for one in (too_large, no_json, other)] == [413, 400, 415]


async def test_more_questions_than_there_are_seats_are_told_to_come_again(scoring: Service, province: str) -> None:
    responses = await asyncio.gather(*(ask(scoring, province, plan={"counts_from": "verified"}) for _ in range(16)))
    refused = [one for one in responses if one.status_code == 429]
    assert refused
    assert all(int(one.headers["Retry-After"]) > 0 for one in refused)
    assert {one.status_code for one in responses} == {200, 429}


async def nearest(service: Service, key: str, **wanted: Any) -> dict[str, Any]:
    async with service.client(key) as client:
        response = await client.get("/v1/nearest", params={"criterion": "ntm-11", **wanted})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_the_nearest_communes_lack_the_fewest_households(scoring: Service, province: str) -> None:
    page = await nearest(scoring, province)
    lacks = [one["missing"] for one in page["items"]]
    assert len(lacks) == 10
    assert lacks == sorted(lacks)
    assert (page["met"], page["lacking"], page["no_data"]) == (0, 180, 1)
    first = page["items"][0]
    (part,) = first["parts"]
    assert part["missing"] == first["missing"] == round((part["value"] - 13) * 10)
    assert (part["goal"], part["missing_unit"]["en"]) == (13, "households")
    assert part["gap"] == pytest.approx(part["value"] - 13)
    assert str(part["missing"]) in first["reason"]["vi"]


async def test_all_that_lack_something_come_page_by_page_each_once(scoring: Service, province: str) -> None:
    codes: list[str] = []
    cursor = None
    while True:
        page = await nearest(scoring, province, limit=77, **({"cursor": cursor} if cursor else {}))
        codes += [one["unit"]["code"] for one in page["items"]]
        if not (cursor := page["next"]):
            break
    assert len(codes) == len(set(codes)) == page["lacking"]


async def test_the_nearest_are_found_in_a_district_in_a_cohort_and_among_the_bound(
    shared_around: Surroundings, scoring: Service, province: str
) -> None:
    assert {one["district"]["code"] for one in (await nearest(scoring, province, district="184"))["items"]} == {"184"}
    cohort = await nearest(scoring, province, cohort="border-2023", limit=50)
    bound = await nearest(scoring, province, bound=True, limit=50)
    assert len(cohort["items"]) == 19
    assert cohort["no_data"] == 1
    assert all(one["bound"] and one["status"] == "behind" for one in cohort["items"])
    assert bound["items"] == cohort["items"]
    own = await nearest(scoring, await shared_around.key(DISTRICT), limit=50)
    assert {one["district"]["code"] for one in own["items"]} == {DISTRICT}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"criterion": "ntm-99"}, 400),
        ({"cohort": "what"}, 400),
        ({"cursor": "what"}, 400),
        ({"limit": 0}, 400),
        ({"district": "99"}, 422),
        ({"district": "181"}, 403),
    ],
)
async def test_a_question_for_what_does_not_exist_is_refused(
    shared_around: Surroundings, scoring: Service, wanted: dict[str, Any], status: int
) -> None:
    async with scoring.client(await shared_around.key(DISTRICT)) as client:
        response = await client.get("/v1/nearest", params={"criterion": "ntm-11", **wanted})
    assert response.status_code == status, response.text
    assert response.json()["errors"]


async def test_the_program_prints_who_is_nearest_and_what_lacks(
    shared_around: Surroundings, scoring: Service, province: str
) -> None:
    printed = await shared_around.ntm("nearest", "ntm-11", "--key", province, "--bound", "--limit", "3")
    assert "06004" in printed
    assert "70 hộ / households · 11" in printed
    assert "chưa đủ số liệu 1" in printed
    refused = await shared_around.ntm("nearest", "ntm-99", "--key", province, status=1)
    assert "ntm-11" in refused


async def test_what_was_told_is_what_follows_when_the_figures_come(
    shared_around: Surroundings, scoring: Service, province: str
) -> None:
    """The last test of the module: it alone sends a submission."""
    supposed = [poverty(130, period="2023-05"), poverty(10, "06619", "2023-05")]
    told = await answer(scoring, province, submissions=supposed)
    await put_on_stream(shared_around, *(an_accepted_submission(**one, district=DISTRICT) for one in supposed))

    async def followed() -> bool:
        async with scoring.client(province) as client:
            statuses = (await client.get("/v1/statuses", params={"criterion": "ntm-11"})).json()["items"]
            targets = (await client.get("/v1/targets")).json()["items"]
        now = {one["unit"]["code"]: one["status"] for one in statuses}
        standing = {(one["commitment"]["id"], one["unit"]["code"]): one["assessment"] for one in targets}
        return all(now[one["unit"]["code"]] == one["after"]["status"] for one in told["statuses"]) and all(
            standing[one["commitment"]["id"], one["unit"]["code"]] == one["after"] for one in told["targets"]
        )

    assert {one["unit"]["code"] for one in told["statuses"]} == {BORDER, "06619"}
    assert told["targets"]
    await eventually(followed)
