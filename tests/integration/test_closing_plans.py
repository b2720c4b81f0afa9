"""Communes of a plan that closes, plans that are added late, and units that merge when the year changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.reference.archive import read_files
from shared.reference.load import Plans, load_for
from shared.service.reference_versions import install
from shared.time import VIETNAM
from tests.binding_plan import reference_that_binds
from tests.integration.test_change_of_year import (
    ALARMS,
    FIRST,
    a_years_end,
    come_to,
    poverty_of,
    rebuilt,
    scored,
    statuses,
    targets,
)
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.plan_2024 import MERGED, PARTS, PLAN, reference_with_2024, with_a_merger_at_new_year
from tests.running import Service, Surroundings
from tests.waiting import eventually

DECEMBER = date(2023, 12, 20)


def plans_of(around: Surroundings, directory: Path) -> Plans:
    return load_for(around.settings.model_copy(update={"reference_dir": directory}))


async def begin(around: Surroundings, directory: Path, day: date = DECEMBER, **env: str) -> Service:
    await around.set_day(day)
    return await around.start("scoring", NTM_REFERENCE_DIR=str(directory), **env)


async def missed_by_plans(around: Surroundings) -> list[dict[str, Any]]:
    """Return the messages about communes that a plan before the one in force has on its subjects."""
    await changes(around)  # until the outbox is empty
    return [json.loads(message.data) for message in await around.published(subjects.ALL_STATUSES_V2)]


def in_january(unit: str, district: str, poor: int, **more: Any) -> Sequence[AcceptedSubmission]:
    """Return a late report on 2023 and one on the new year."""
    day = date(2024, 1, 15)
    where = {"unit": unit, "district": district, **more}
    return [poverty_report("2023", poor, day, **where), poverty_report("2024-01", 300, day, **where)]


async def test_a_bound_commune_has_missed_the_former_plan_when_that_is_closed_and_is_told_of_it_once(
    around: Surroundings, tmp_path: Path
) -> None:
    directory = reference_with_2024(tmp_path)
    scoring = await begin(around, directory)
    await put_on_stream(around, *a_years_end())
    await scored(around, len(a_years_end()))
    january = [*in_january(BORDER, "180", 90), *in_january("06025", "180", 250)]
    await come_to(around, scoring, date(2024, 1, 15))
    await put_on_stream(around, *january)
    await scored(around, len(a_years_end()) + len(january))
    await come_to(around, scoring, date(2024, 1, 31))
    assert "missed" not in {one["event"] for one in await changes(around)}
    assert await missed_by_plans(around) == []

    await come_to(around, scoring, date(2024, 2, 1))
    found = await missed_by_plans(around)
    assert {(one["event"], one["plan"], one["cause"], one["on"]) for one in found} == {
        ("missed", FIRST, "time", "2024-02-01")
    }
    reference = plans_of(around, directory).references[0]
    units = reference.units
    bound = {
        (units.by_key(key).code, of)
        for key, keys in reference.bound_communes(reference.plan.deadline).items()
        for of in keys
    }
    told = [(one["unit"]["code"], one["criterion"]["key"]) for one in found]
    assert len(told) == len(set(told))
    assert set(told) == bound - {(BORDER, "ntm-11")}, "its late report of 2023 shows that it was met"
    of_other = next(one for one in found if one["unit"]["code"] == "06025" and one["criterion"]["key"] == "ntm-11")
    assert of_other["assessment"]["parts"][0]["value"] == 25, "the plan's year counts, and not January"
    assert "missed" not in {one["event"] for one in await changes(around)}, "the plan in force goes on"

    # neither days, a restart, corrections nor a rebuild tell it again
    late = poverty_report("2023", 500, date(2024, 2, 3), revision=2)
    await come_to(around, scoring, date(2024, 2, 3))
    await put_on_stream(around, late)
    await scored(around, len(a_years_end()) + len(january) + 1)
    await scoring.stop()
    await scoring.start()
    await come_to(around, scoring, date(2024, 2, 5))
    await rebuilt(around, plans_of(around, directory), date(2024, 2, 5), switch=True)
    assert await missed_by_plans(around) == found


@pytest.mark.parametrize("way", ["restart", "install"])
async def test_a_plan_that_is_added_months_late_judges_as_one_that_was_there_from_its_first_day(
    around: Surroundings, tmp_path: Path, way: str
) -> None:
    directory = reference_with_2024(tmp_path)
    only_first = directory if way == "restart" else reference_that_binds(tmp_path / "first")
    scoring = await begin(around, only_first, NTM_PLAN=FIRST if way == "restart" else "")
    await put_on_stream(around, *a_years_end())
    sent = len(a_years_end())
    await scored(around, sent)
    for day, of_day in {
        date(2024, 1, 15): in_january(BORDER, "180", 90),
        date(2024, 2, 20): [
            poverty_report("2024-01", 0, date(2024, 2, 20), unit="184", readings={"gbv_cases": 1, "jobs_found": 7}),
            poverty_report("2024-01", 120, date(2024, 2, 20), unit="06280", district="184"),
        ],
    }.items():
        await come_to(around, scoring, day)
        await put_on_stream(around, *of_day)
        sent += len(of_day)
        await scored(around, sent)
    late = date(2024, 3, 15)
    await come_to(around, scoring, late)
    told, closed = len(await changes(around)), statuses(await targets(around, scoring, plan=FIRST))

    if way == "restart":
        await scoring.stop()
        scoring.env["NTM_PLAN"] = ""
        await scoring.start()
    else:
        before, files = plans_of(around, only_first), read_files(directory)
        now = datetime.now(VIETNAM)
        await install(around.nats, before, None, files, author="An", reason="Kế hoạch 2024", after=0, at=now)
    await come_to(around, scoring, late)
    await _is_in_force(around, scoring, PLAN)
    plans = plans_of(around, directory)
    await rebuilt(around, plans, late)
    assert statuses(await targets(around, scoring, plan=FIRST)) == closed
    new = (await changes(around))[told:]
    assert {one["cause"] for one in new} == {"plan" if way == "restart" else "rules"}
    assert {one["event"] for one in new} <= {"changed", "overdue", "report_arrived"}
    assert (await targets(around, scoring))["new-jobs", "20"]["assessment"]["parts"][0]["value"] == 7
    assert await missed_by_plans(around) == [], "the plan was the only one when it closed, and told it then"


async def _is_in_force(around: Surroundings, scoring: Service, plan: str) -> None:
    async def it_is() -> bool:
        async with scoring.client(await around.key("20")) as client:
            return bool((await client.get("/v1/targets")).json()["plan"] == plan)

    await eventually(it_is)


@pytest.mark.parametrize("begins_late", [False, True], ids=["while scoring runs", "after days without scoring"])
async def test_communes_that_merge_at_new_year_are_judged_by_each_plan_as_it_knew_them(
    around: Surroundings, tmp_path: Path, begins_late: bool
) -> None:
    directory = with_a_merger_at_new_year(reference_with_2024(tmp_path))
    plans = plans_of(around, directory)
    scoring = await begin(around, directory)
    await put_on_stream(around, *a_years_end())
    await scored(around, len(a_years_end()))
    await come_to(around, scoring, date(2023, 12, 31))
    before = {part: await _stored(around, part) for part in PARTS}
    told = len(await changes(around))
    then = statuses(await targets(around, scoring, as_of="2023-12-31"))
    if begins_late:
        await scoring.stop()
        await around.set_day(date(2024, 1, 9))
        await scoring.start()
    day = date(2024, 1, 9 if begins_late else 1)
    await come_to(around, scoring, day)
    merged = await poverty_of(around, scoring)
    assert (merged["unit"]["key"], merged["unit"]["name"]) == (MERGED, "xã Quốc Đội")
    part = merged["assessment"]["parts"][0]
    assert (part["numerator"], part["denominator"], part["deadline"]) == (350, 2000, "2024-12-31")
    assert statuses(await targets(around, scoring, as_of="2023-12-31")) == then
    assert not [one for one in (await changes(around))[told:] if one["event"] in ALARMS and one["cause"] == "plan"]
    assert before[PARTS[0]]["ntm-11"] == "met"
    await rebuilt(around, plans, day)

    # what comes late of an ended commune counts for the former plan, and moves the one that took its place
    late = date(2024, 1, 15)
    await come_to(around, scoring, late)
    of_both = [
        poverty_report("2023", 110, late, unit="06025", district="180"),
        poverty_report("2023", 90, late),
    ]
    await put_on_stream(around, *of_both)
    await scored(around, len(a_years_end()) + 2)
    assert (await poverty_of(around, scoring))["assessment"]["parts"][0]["numerator"] == 200
    await rebuilt(around, plans, late)
    await come_to(around, scoring, date(2024, 2, 1))
    missed = {(one["unit"]["key"], one["criterion"]["key"]) for one in await missed_by_plans(around)}
    assert {(part, "ntm-11") for part in PARTS}.isdisjoint(missed), "both met it in 2023"
    assert {(part, "ntm-12") for part in PARTS} <= missed
    assert MERGED not in {unit for unit, _ in missed}
    await rebuilt(around, plans, date(2024, 2, 1))


async def test_communes_of_a_district_merge_within_the_second_plans_year(around: Surroundings, tmp_path: Path) -> None:
    directory = reference_with_2024(tmp_path)
    plans = plans_of(around, directory)
    november = date(2024, 11, 20)
    scoring = await begin(around, directory, november)
    reports = [
        poverty_report("2023-12", 140, date(2024, 1, 10), unit="06574", district="188"),
        poverty_report("2024-10", 120, november, unit="06574", district="188"),
        poverty_report("2024-10", 100, november),
    ]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    await come_to(around, scoring, date(2024, 11, 30))
    before, told = await poverty_of(around, scoring, "06574"), len(await changes(around))
    for day in (date(2024, 12, 1), date(2025, 2, 1), date(2025, 7, 1)):
        await come_to(around, scoring, day)
        await rebuilt(around, plans, day)
    ended = await poverty_of(around, scoring, "06574", as_of="2024-11-30")
    assert ended["status"] == before["status"] == "met"
    new = (await changes(around))[told:]
    assert not [one for one in new if one["event"] in ALARMS and one["unit"]["key"] == before["unit"]["key"]]
    assert await missed_by_plans(around) == [], "no other plan follows, so the plan's own statuses tell it"


async def _stored(around: Surroundings, unit: int) -> Mapping[str, str]:
    query = text("SELECT criterion, status FROM scoring.status WHERE unit = :unit")
    async with around.engine.connect() as connection:
        return {row.criterion: row.status for row in await connection.execute(query, {"unit": unit})}


async def test_a_what_if_and_a_preview_say_that_the_verdicts_of_a_closed_plan_stand(
    around: Surroundings, tmp_path: Path
) -> None:
    scoring = await begin(around, reference_that_binds(tmp_path))
    await put_on_stream(around, *a_years_end())
    await scored(around, len(a_years_end()))
    counts = {"households": 1000, "poor_households": 500, "near_poor_households": 0}
    figures = [{"unit": unit, "period": "2023", "readings": counts} for unit in (BORDER, "06280")]
    request = json.dumps({"submissions": figures}).encode()

    async def ask() -> tuple[dict[str, Any], dict[tuple[str, str], dict[str, Any]]]:
        async with scoring.client(await around.key("20")) as client:
            answer = await client.post("/v1/what-if", json={"submissions": figures})
        assert answer.status_code == 200, answer.text
        reply = await around.nats.request(subjects.PREVIEW, request, timeout=60)
        return answer.json(), {(one["unit"], one["criterion"]): one for one in json.loads(reply.data)["statuses"]}

    supposed, previewed = await ask()
    assert supposed["plan_stands"] is None
    assert BORDER in {one["unit"]["code"] for one in supposed["statuses"]}
    assert previewed[BORDER, "ntm-11"]["before"] != previewed[BORDER, "ntm-11"]["after"]

    await come_to(around, scoring, date(2024, 2, 5))
    supposed, previewed = await ask()
    assert "31" in supposed["plan_stands"]["vi"]
    assert "was closed" in supposed["plan_stands"]["en"]
    assert (supposed["targets"], {one["unit"]["code"] for one in supposed["statuses"]} - {"06280"}) == ([], set())
    border = previewed[BORDER, "ntm-11"]
    assert (border["before"], border["after"], border["reason"]) == ("met", "met", supposed["plan_stands"])
    assert "was closed" not in previewed["06280", "ntm-11"]["reason"]["en"], "no cohort binds it to the criterion"
