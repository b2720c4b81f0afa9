"""`GET /v1/reports-due`: what is due, who is missing, what was returned; overdue is what scoring says is overdue."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.intake.rules.reports_due import Reported, reports_due, with_inherited
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.inheritance import with_inherited as inherited_by_scoring
from services.scoring.judging.judge import Judge
from shared.contracts.period import Period
from shared.reference.awaited_reports import Arrivals
from shared.reference.load import Reference, load
from tests.binding_plan import binding_reference
from tests.builders import a_reading
from tests.integration.test_reviews import decided, post, poverty
from tests.integration.test_statuses import pages
from tests.plan_2025 import PLAN, reference_with_2025
from tests.running import Service, Surroundings
from tests.waiting import eventually

BOUND, SENT_IN_TIME, LATE, VERIFIED_LATE, RETURNED = "06004", "06286", "06292", "06295", "06298"
BOUND_TO_ADVANCED = "06280"
DISTRICT = "184"
AFTER_JUNE = date(2023, 7, 10)


async def due(service: Service, key: str, **query: Any) -> Any:
    async with service.client(key) as client:
        answer = await client.get("/v1/reports-due", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entry(answer: Any, report: str, period: str, district: str) -> Any:
    found = [
        one
        for one in answer["items"]
        if (one["report"], one["period"], one["district"]["code"]) == (report, period, district)
    ]
    return found[0] if found else None


def codes(units: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in units]


def overdue_by_intake(answer: Any) -> dict[str, set[tuple[str, str]]]:
    """Return the overdue reports of each commune, by report and period; of reports on criteria alone."""
    found = defaultdict(set)
    for one in answer["items"]:
        if one["overdue"] and one["criteria"]:
            for unit in one["missing"]:
                found[unit["code"]].add((one["report"], one["period"]))
    return dict(found)


def overdue_by_scoring(items: list[dict[str, Any]], reference: Reference) -> dict[str, set[tuple[str, str]]]:
    found = defaultdict(set)
    for item in items:
        for period in item["overdue"]:
            (report,) = [
                report.id
                for report in reference.calendar
                if item["criterion"]["key"] in report.criteria
                and period in [one.text for one in report.periods_of(reference.plan.year)]
            ]
            found[item["unit"]["code"]].add((report, period))
    return dict(found)


@pytest.mark.usefixtures("binding")
async def test_intake_and_scoring_call_the_same_reports_overdue(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    province, district, reference = await around.key("20"), await around.key(DISTRICT, agency="d"), binding_reference()
    await post(intake, province, poverty(200, "2023-03", unit=BOUND))
    await post(intake, province, poverty(100, "2023-05", unit=SENT_IN_TIME))
    await post(intake, province, poverty(100, "2023-05", unit=LATE))
    withdrawn = await post(intake, province, poverty(100, "2023-06", unit=LATE))
    labour = {"workers_men": 300, "trained_men": 100}
    await post(intake, province, poverty(0, "2023-Q1", unit=LATE, readings=labour))
    late = await post(intake, province, poverty(100, "2023-05", unit=VERIFIED_LATE))
    back = await post(intake, province, poverty(100, "2023-06", unit=RETURNED))
    await around.set_day(AFTER_JUNE)
    async with intake.client(province) as client:
        answer = await client.post(f"/v1/submissions/{withdrawn}/withdraw", json={"reason": "Gửi nhầm xã."})
        assert answer.status_code == 202, answer.text
    await decided(intake, district, late, "verified")
    await decided(intake, district, back, "returned", reason="Chưa khớp sổ.")
    await post(intake, province, poverty(90, "2023-06", unit=SENT_IN_TIME))
    differing: list[Any] = []

    async def agree_today() -> bool:
        async with scoring.client(province) as client:
            statuses = await pages(client, limit=5000)
        mine, theirs = await due(intake, province), overdue_by_scoring(statuses, reference)
        own = overdue_by_intake(mine)
        differing[:] = [(code, own.get(code), theirs.get(code)) for code in {*own, *theirs}]
        differing[:] = [one for one in differing if one[1] != one[2]]
        return mine["on"] == AFTER_JUNE.isoformat() and not differing and LATE in own

    await eventually(agree_today, explain=lambda: str(differing))
    today = overdue_by_intake(await due(intake, province))
    assert ("poverty-monthly", "2023-06") in today[VERIFIED_LATE], "it has been reporting since June"
    assert ("poverty-monthly", "2023-06") in today[LATE], "what was withdrawn has not come"
    assert ("poverty-monthly", "2023-04") in today[BOUND]
    assert not {SENT_IN_TIME, RETURNED} & today.keys()
    async with scoring.client(province) as client:
        for day in ("2023-06-05", "2023-06-06", "2023-06-30", "2023-07-05", "2023-07-06"):
            then = overdue_by_scoring(await pages(client, limit=5000, as_of=day), reference)
            if day == "2023-07-06":  # scoring tells what was known then: the figures that were withdrawn later
                then[LATE] = {("poverty-monthly", "2023-06")}
            assert overdue_by_intake(await due(intake, province, on=day)) == then, day

    june = entry(await due(intake, district), "poverty-monthly", "2023-06", DISTRICT)
    assert june["overdue"] is True
    # xã Điềm He, which the plan binds to the advanced set, has sent nothing
    assert (june["expected"], june["arrived"], june["never_reported"]) == (5, 2, 11)
    assert codes(june["missing"]) == [BOUND_TO_ADVANCED, LATE, VERIFIED_LATE]
    assert codes(june["returned"]) == [RETURNED]


async def test_a_key_sees_its_own_units_and_offices_owe_what_communes_do_not(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    province, district, commune = [await shared_around.key(code, agency=f"of-{code}") for code in ("20", "184", BOUND)]
    whole = await due(shared_intake, province)
    assert whole["on"] == "2023-06-30"
    assert len({one["district"]["code"] for one in whole["items"]}) == 11
    own = await due(shared_intake, district)
    assert own["items"] == [one for one in whole["items"] if one["district"]["code"] == "184"]
    assert own == await due(shared_intake, province, unit="184")
    jobs = entry(own, "jobs-monthly", "2023-05", "184")
    assert (jobs["overdue"], jobs["expected"], codes(jobs["missing"])) == (True, 1, ["184"])
    assert jobs["due"] == "2023-06-05"
    of_commune = await due(shared_intake, commune)
    named = {code for one in of_commune["items"] for code in codes(one["missing"])}
    assert named == {BOUND}
    assert "jobs-monthly" not in {one["report"] for one in of_commune["items"]}
    order = [(not one["overdue"], one["due"]) for one in whole["items"]]
    assert order == sorted(order)


async def test_another_unit_and_a_day_outside_of_the_plans_time_are_refused(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    key = await shared_around.key("184", agency="asks-too-much")
    asked = {
        "unit=180": (403, "/unit"),
        "unit=99999": (422, "/unit"),
        "on=1999-01-01": (400, "/on"),
        "on=9999-12-31": (400, "/on"),
        "on=today": (400, "/on"),
        "day=2023-06-30": (422, "/day"),
    }
    found = {}
    async with shared_intake.client(key) as client:
        for query in asked:
            answer = await client.get(f"/v1/reports-due?{query}")
            found[query] = answer.status_code, answer.json()["errors"][0]["pointer"]
    assert found == asked


async def test_the_program_prints_what_is_due_and_who_is_missing(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    district = await shared_around.key("184", agency="prints")
    printed = await shared_around.ntm("due", "--key", district)
    assert "Báo cáo tháng về giải quyết việc làm mới" in printed
    assert "Monthly report on newly employed workers" in printed
    assert "huyện Văn Quan (184)" in printed
    assert "quá hạn" in printed
    assert "… +12" in printed, "of 17 communes and towns five are named"
    of_one = await shared_around.ntm("due", "--key", district, "--unit", BOUND_TO_ADVANCED, "--on", "2023-04-11")
    assert "05/04/2023" in of_one
    assert "xã Điềm He (06280)" in of_one
    refused = await shared_around.ntm("due", "--key", district, "--unit", "99999", status=1)
    assert "99999" in refused


def test_of_merged_communes_the_same_reports_are_overdue_where_their_figures_are_inherited_and_where_not(
    tmp_path: Path,
) -> None:
    reference, on = load(PLAN, reference_with_2025(tmp_path)), date(2025, 8, 6)
    communes = reference.units.communes(on, "20")
    elements = reference.criterion("ntm-11").element_codes
    figures: dict[int, Figures] = {}
    reported: dict[tuple[int, str], Reported] = {}
    for unit in communes:
        origins = [old for _, old in reference.lineage.origins(unit)]
        for old in origins[: -1 if int(unit.code) % 2 else None]:  # of every second one of the former is silent
            readings = [a_reading(element, "2025-03", 100, known_from=date(2025, 4, 3)) for element in elements]
            figures[old.key] = merge(Figures(), readings)
            arrived = Arrivals(date(2025, 4, 3), frozenset({Period.parse("2025-03")}))
            reported[old.key, "ntm-11"] = Reported(arrived)
    judged, judge = inherited_by_scoring(figures, reference), Judge(reference, on)
    late = {
        unit.code: judge.criterion("ntm-11", unit, judged.get(unit.key, Figures())).overdue
        for unit in communes
        if reference.judges(unit, "ntm-11")
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    for entry in reports_due(reference, communes, with_inherited(reported, reference, communes), on):
        if "ntm-11" in entry.report.criteria and entry.overdue:
            for unit in entry.missing:
                if not reference.binds(unit, "advanced-11"):
                    found[unit.code].append(entry.due.period.text)
    unbound = {code: list(periods) for code, periods in late.items() if not is_bound_to_advanced(reference, code, on)}
    assert dict(found) == {code: periods for code, periods in unbound.items() if periods}
    assert {tuple(periods) for periods in unbound.values()} == {(), ("2025-07",)}


def is_bound_to_advanced(reference: Reference, code: str, on: date) -> bool:
    unit = reference.units.find(code, on)
    return unit is not None and reference.binds(unit, "advanced-11")
