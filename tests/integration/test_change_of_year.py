"""Two plans that follow each other: the new one binds from its first day, and the old one's verdicts close."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.scoring.storage.tables import SubmissionRow, TakenBackRow
from services.scoring.update.rebuild import RebuildReport, rebuild
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.publishing import publish
from shared.reference.load import Plans, load, load_for
from tests.builders import as_published
from tests.integration.test_scoring import BORDER, changes, count, no_target_moved, poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_withdrawal
from tests.plan_2024 import PLAN as NEXT
from tests.plan_2024 import reference_with_2024
from tests.running import Service, Surroundings
from tests.waiting import eventually

FIRST = "lang-son-2023"
OTHERS = {"06025": "180", "06280": "184", "06121": "182"}
"""Communes with their districts: one of the border, and two of the advanced cohort."""

ALARMS = {"lost", "fell_behind"}


@pytest.fixture(scope="session")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reference_with_2024(tmp_path_factory.mktemp("two-years"))


@pytest.fixture
def plans(around: Surroundings, two_years: Path) -> Plans:
    return load_for(around.settings.model_copy(update={"reference_dir": two_years}))


@pytest.fixture
async def scoring(around: Surroundings, two_years: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("NTM_REFERENCE_DIR", str(two_years))
    await around.set_day(date(2023, 12, 20))
    return await around.start("scoring", NTM_REFERENCE_DIR=str(two_years))


async def come_to(around: Surroundings, scoring: Service, day: date) -> None:
    """Let time pass, and wait until the day is judged."""
    await around.set_day(day)

    async def is_judged() -> bool:
        return await scoring.fact("ticked") == day.isoformat()

    await eventually(is_judged, 120)


async def scored(around: Surroundings, submissions: int, takings: int = 0) -> None:
    """Wait until everything is taken into account."""

    async def is_scored() -> bool:
        counted = await count(around, SubmissionRow), await count(around, TakenBackRow)
        return counted == (submissions, takings) and await no_target_moved(around)

    await eventually(is_scored)


async def targets(around: Surroundings, scoring: Service, **asked: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the commitments that scoring answers, by commitment and unit."""
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get("/v1/targets", params=asked)
    assert answer.status_code == 200, answer.text
    return {(one["commitment"]["id"], one["unit"]["code"]): one for one in answer.json()["items"]}


async def poverty_of(around: Surroundings, scoring: Service, unit: str = BORDER, **asked: str) -> dict[str, Any]:
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get(f"/v1/communes/{unit}", params=asked)
    assert answer.status_code == 200, answer.text
    return next(one for one in answer.json()["statuses"] if one["criterion"]["key"] == "ntm-11")


def statuses(found: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return the statuses of commitments with the values on which they rest."""
    return {
        key: (one["status"], [part["value"] for part in (one["assessment"] or {"parts": []})["parts"]])
        for key, one in found.items()
    }


async def rebuilt(around: Surroundings, plans: Plans, day: date, *, switch: bool = False) -> RebuildReport:
    report = await rebuild(around.engine, around.nats, plans, day, switch=switch)
    assert report.differences == []
    return report


def a_years_end() -> list[AcceptedSubmission]:
    """Return reports of 2022's and 2023's ends: the border commune meets criterion 11, another one does not."""
    december = date(2023, 12, 20)
    return [
        poverty_report("2022-12", 200, date(2023, 1, 10)),
        poverty_report("2023-11", 100, december),
        poverty_report("2022-12", 300, date(2023, 1, 10), unit="06025", district="180"),
        poverty_report("2023-11", 250, december, unit="06025", district="180"),
        *(
            poverty_report(f"2023-{month:02}", 0, december, unit="184", readings={"gbv_cases": 2, "jobs_found": 40})
            for month in range(1, 12)
        ),
    ]


async def test_a_year_turns_and_its_plan_is_closed(around: Surroundings, scoring: Service, plans: Plans) -> None:
    await put_on_stream(around, *a_years_end())
    await scored(around, len(a_years_end()))
    await come_to(around, scoring, date(2023, 12, 31))
    at_the_years_end = await targets(around, scoring, as_of="2023-12-31")
    border_then = await poverty_of(around, scoring, as_of="2023-12-31")
    before = len(await changes(around))
    assert await targets(around, scoring) == await targets(around, scoring, plan=FIRST)

    # 1 January: the new plan binds, and nobody is told that anything was lost
    await come_to(around, scoring, date(2024, 1, 1))
    of_new_year = (await changes(around))[before:]
    assert of_new_year
    assert {(one["event"], one["cause"], one["plan"]) for one in of_new_year if one["cause"] == "plan"} == {
        ("changed", "plan", NEXT)
    }
    assert not [one for one in of_new_year if one["event"] in ALARMS]
    assert (await poverty_of(around, scoring))["assessment"]["parts"][0]["deadline"] == "2024-12-31"
    assert (await poverty_of(around, scoring))["assessment"]["parts"][0]["baseline"] == 10, "of 2023's end"
    jobs = ("new-jobs", "20")
    assert (await targets(around, scoring, plan=FIRST))[jobs]["assessment"]["parts"][0]["value"] == 440
    assert (await targets(around, scoring))[jobs]["assessment"]["parts"][0]["value"] in (None, 0), "a sum of its own"
    assert await targets(around, scoring, as_of="2023-12-31") == at_the_years_end
    assert await poverty_of(around, scoring, as_of="2023-12-31") == border_then
    await rebuilt(around, plans, date(2024, 1, 1))

    # January: figures of both years, in both orders
    await come_to(around, scoring, date(2024, 1, 15))
    january = [
        poverty_report("2024-01", 300, date(2024, 1, 15)),
        poverty_report("2023-12", 90, date(2024, 1, 15)),
        poverty_report("2023-12", 90, date(2024, 1, 15), unit="06025", district="180"),
        poverty_report("2024-01", 300, date(2024, 1, 15), unit="06025", district="180"),
        poverty_report("2023-12", 0, date(2024, 1, 15), unit="184", readings={"gbv_cases": 1, "jobs_found": 600}),
        poverty_report("2024-01", 0, date(2024, 1, 15), unit="184", readings={"gbv_cases": 1, "jobs_found": 7}),
    ]
    for one in january:
        await put_on_stream(around, one)
    total = len(a_years_end()) + len(january)
    await scored(around, total)
    assert (await targets(around, scoring, plan=FIRST))[jobs]["status"] == "met"
    assert (await targets(around, scoring))[jobs]["assessment"]["parts"][0]["value"] == 7
    assert statuses(await targets(around, scoring, as_of="2023-12-31")) == statuses(at_the_years_end)
    border = {"06004", "06025"}
    now = {unit: (await poverty_of(around, scoring, unit))["assessment"]["parts"][0]["value"] for unit in border}
    assert now == {"06004": 30, "06025": 30}
    await rebuilt(around, plans, date(2024, 1, 15))

    # the plan is closed, and a correction that comes later turns nothing of it
    await come_to(around, scoring, date(2024, 2, 1))
    closed = statuses(await targets(around, scoring, plan=FIRST))
    assert closed[("border-communes", "20")][0] == "no_data", "18 of 20 communes never reported"
    assert closed[("ntm-communes", "20")][0] == "missed"
    v2 = subjects.target_of_plan("20", FIRST, "ntm-communes")
    assert "missed" in [json.loads(message.data)["event"] for message in await around.published(v2)]
    late = [
        poverty_report(
            "2023-12", 0, date(2024, 2, 3), unit="184", readings={"gbv_cases": 90, "jobs_found": 1}, revision=2
        ),
        poverty_report("2023-12", 500, date(2024, 2, 3), revision=2),
    ]
    await come_to(around, scoring, date(2024, 2, 3))
    told = len(await around.published(subjects.ALL_TARGETS_V2))
    await put_on_stream(around, *late)
    await scored(around, total + len(late))
    found = await targets(around, scoring, plan=FIRST)
    assert statuses(found) == closed
    assert found[jobs]["actual"]["status"] == "no_data", "the reports that are missing could turn it"
    assert found[jobs]["actual"]["parts"][0]["value"] == 441
    later = [json.loads(message.data) for message in (await around.published(subjects.ALL_TARGETS_V2))[told:]]
    assert {one["plan"] for one in later} <= {NEXT}
    await rebuilt(around, plans, date(2024, 2, 3))
    number = len(await changes(around))
    assert (await rebuilt(around, plans, date(2024, 2, 3), switch=True)).switched
    await eventually(lambda: no_target_moved(around))
    assert len(await changes(around)) == number
    assert statuses(await targets(around, scoring, plan=FIRST)) == closed


async def test_the_first_version_speaks_of_the_plan_in_force_only(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, *a_years_end())
    await scored(around, len(a_years_end()))
    await come_to(around, scoring, date(2024, 2, 2))
    jobs = {"gbv_cases": 1, "jobs_found": 1200}
    await put_on_stream(around, poverty_report("2024-01", 0, date(2024, 2, 2), unit="184", readings=jobs))
    await scored(around, len(a_years_end()) + 1)
    await changes(around)
    first, second = [
        [json.loads(message.data) for message in await around.published(subject)]
        for subject in (subjects.ALL_TARGETS, subjects.ALL_TARGETS_V2)
    ]
    begins = "2024-01-01"
    assert {one["plan"] for one in first if one["on"] < begins} == {FIRST}
    assert {one["plan"] for one in first if one["on"] >= begins} == {NEXT}
    assert {one["plan"] for one in second if one["on"] >= begins} == {FIRST, NEXT}
    by_id = {one["id"]: one for one in second}
    assert all(by_id[one["id"]] == one for one in first)
    assert not [one for one in [*first, *second] if one["event"] in ALARMS and one["cause"] not in ("figure", "time")]


@pytest.mark.parametrize("seed", range(4))
async def test_a_hostile_change_of_year_is_rebuilt_to_the_byte(
    around: Surroundings, scoring: Service, plans: Plans, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    sent: list[AcceptedSubmission] = list(a_years_end())
    await put_on_stream(around, *sent)
    takings, day = 0, date(2023, 12, 20)
    places: Sequence[tuple[str, str]] = [(BORDER, "180"), *OTHERS.items()]
    while day < date(2024, 2, 20):
        day += timedelta(days=chance.randint(1, 6))
        received = day - timedelta(
            days=chance.choice([0, 0, 0, 1, 4])
        )  # the stream's order is not the order of arrival
        await (around.set_day(day) if chance.random() < 0.3 else come_to(around, scoring, day))
        batch = []
        for _ in range(chance.randint(1, 5)):
            unit, district = chance.choice(places)
            period = chance.choice(["2022-12", "2023-10", "2023-12", "2023", "2024-01", "2023-Q4"])
            poor, revision = chance.choice([50, 90, 150, 300]), chance.randint(1, 4)
            batch.append(poverty_report(period, poor, received, unit=unit, district=district, revision=revision))
            counted = {"gbv_cases": chance.randint(0, 9), "jobs_found": chance.randint(0, 900)}
            months = chance.choice(["2023-11", "2023-12", "2024-01"])
            batch.append(poverty_report(months, 0, received, unit="184", readings=counted, revision=revision))
        messages = [as_published(one) for one in batch]
        for one in chance.sample(sent, chance.randint(0, 1)):
            messages.append(a_withdrawal(one, received))
            sent.remove(one)
            takings += 1
        chance.shuffle(messages)
        for message in messages:
            await publish(around.nats, [message])
        sent += batch
        if chance.random() < 0.3:
            await scored_all(around, takings)
            await rebuilt(around, plans, day)
    await come_to(around, scoring, day)
    await scored_all(around, takings)
    await rebuilt(around, plans, day)
    # the closed plan's verdicts are what its figures of before the closing say
    as_stored = await stored(around, FIRST)
    by_figures = await targets(around, scoring, plan=FIRST)
    assert as_stored == {key: one["status"] for key, one in by_figures.items()}
    assert statuses(by_figures) == statuses(await targets(around, scoring, plan=FIRST, as_of="2024-02-01"))
    alarms = [one for one in await changes(around) if one["event"] in ALARMS]
    assert {one["cause"] for one in alarms} <= {"figure", "time"}


async def scored_all(around: Surroundings, takings: int) -> None:
    submissions = await around.published(subjects.ALL_SUBMISSIONS)
    await scored(around, len(submissions), takings)


async def stored(around: Surroundings, plan: str) -> dict[tuple[str, str], str]:
    """Return the statuses of a plan's commitments as they stand in the table."""
    units = load().units
    query = text("SELECT commitment, unit, status FROM scoring.target WHERE plan = :plan")
    async with around.engine.connect() as connection:
        rows = await connection.execute(query, {"plan": plan})
        return {(row.commitment, units.by_key(row.unit).code): row.status for row in rows}
