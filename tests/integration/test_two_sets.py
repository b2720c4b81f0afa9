"""A plan of the year in which one criteria set takes the place of another: both are judged, each in its own time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.reference.load import Plans, load_for
from tests.integration.test_change_of_year import come_to, rebuilt, scored
from tests.integration.test_scoring import changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.set_2026 import PLAN, reference_with_2026

OLD, NEW = "ntm-11", "ntm_2026-1"
LAST, FIRST = date(2026, 2, 14), date(2026, 2, 15)
RAISED, UNCHANGED = "06004", "06058"
"""Communes of which the new set asks more than the old one, and as little."""


@pytest.fixture
def plans(around: Surroundings, tmp_path: Path) -> Plans:
    directory = reference_with_2026(tmp_path)
    plan = directory / "plans" / f"{PLAN}.yaml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("criteria_sets: [ntm_2026]", "criteria_sets: [ntm, ntm_2026]"), encoding="utf-8")
    return load_for(around.settings.model_copy(update={"reference_dir": directory, "plan": PLAN}))


@pytest.fixture
async def scoring(around: Surroundings, plans: Plans, tmp_path: Path) -> Service:
    await around.set_day(date(2026, 2, 10))
    return await around.start("scoring", NTM_REFERENCE_DIR=str(tmp_path / "reference"), NTM_PLAN=PLAN)


async def poverty(around: Surroundings, scoring: Service, unit: str = RAISED, **asked: str) -> dict[str, Any]:
    """Return the commune's statuses of both sets' criteria of poverty, each with the day of its assessment."""
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get(f"/v1/communes/{unit}", params=asked)
    assert answer.status_code == 200, answer.text
    return {
        one["criterion"]["key"]: (one["status"], one["since"], one["assessment"]["on"])
        for one in answer.json()["statuses"]
        if one["criterion"]["key"] in (OLD, NEW)
    }


async def told(around: Surroundings, unit: str = RAISED) -> list[tuple[str, str, str, str]]:
    return [
        (one["criterion"]["key"], one["event"], one["after"], one["cause"])
        for one in await changes(around)
        if one["unit"]["code"] == unit
    ]


async def test_both_sets_are_judged_in_their_own_time_and_the_change_is_no_loss(
    around: Surroundings, scoring: Service, plans: Plans
) -> None:
    on = date(2026, 2, 10)
    await put_on_stream(
        around,
        poverty_report("2026-01", 110, on, district=None),
        poverty_report("2026-01", 110, on, unit=UNCHANGED, district=None),
    )
    await scored(around, 2)
    assert await poverty(around, scoring) == {OLD: ("met", "2026-02-10", "2026-02-10")}
    await rebuilt(around, plans, on)

    await come_to(around, scoring, LAST)
    assert await told(around) == [(OLD, "first_data", "met", "figure")]
    await come_to(around, scoring, FIRST)
    beginning = [(OLD, "first_data", "met", "figure"), (NEW, "changed", "not_met", "rules")]
    assert await told(around) == beginning
    assert await told(around, UNCHANGED) == [beginning[0], (NEW, "changed", "met", "rules")]
    both = {OLD: ("met", "2026-02-10", "2026-02-14"), NEW: ("not_met", "2026-02-15", "2026-02-15")}
    assert await poverty(around, scoring) == both
    await rebuilt(around, plans, FIRST)

    # neither time nor a figure about the time after it moves the set that has ended
    await come_to(around, scoring, date(2026, 3, 20))
    await put_on_stream(around, poverty_report("2026-02", 300, date(2026, 3, 20), district=None))
    await scored(around, 3)
    assert await told(around) == beginning
    assert (await poverty(around, scoring))[OLD] == both[OLD]
    await rebuilt(around, plans, date(2026, 3, 20))

    # what becomes known of its time corrects it, as no news of today
    late = poverty_report("2026-01", 300, date(2026, 3, 20), revision=2, district=None)
    await put_on_stream(around, late)
    await scored(around, 4)
    assert await told(around) == [*beginning, (OLD, "changed", "not_met", "rules")]
    assert (await poverty(around, scoring))[OLD][::2] == ("not_met", "2026-02-14")
    await rebuilt(around, plans, date(2026, 3, 20))

    assert await poverty(around, scoring, as_of="2026-02-14") == {OLD: ("met", "2026-02-10", "2026-02-14")}
    assert await poverty(around, scoring, as_of="2026-02-15") == both
