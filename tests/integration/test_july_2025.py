"""A plan that runs across 1 July 2025, when all communes and districts end and others begin, through real scoring."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.scoring.storage.tables import SubmissionRow, TickRow
from services.scoring.update.rebuild import rebuild
from shared.contracts.submission import AcceptedSubmission
from shared.postgres.statements import table_of
from shared.reference.load import Reference, follow_each_other, load
from shared.reference.models import COMMUNE_LEVEL, Unit
from tests.builders import an_accepted_submission
from tests.integration.test_scoring import changes, count, no_target_moved, put_on_stream
from tests.plan_2025 import PLAN, reference_with_2025
from tests.running import Service, Surroundings
from tests.waiting import eventually

BEFORE, EVE, DAY, LATE, AUGUST = (
    date(2025, 6, 20),
    date(2025, 6, 30),
    date(2025, 7, 1),
    date(2025, 7, 5),
    date(2025, 8, 4),
)
HOUSEHOLDS = 1000
MERGED, WITH_TOWN, WITH_SPLIT = "06004", "06112", "06613"
"""New communes: xã Quốc Khánh was made of whole communes; xã Bình Gia also of a town; xã Đình Lập also of the larger
part of a split commune."""


class Province:
    """Scoring on the plan, with methods that publish the figures of communes."""

    def __init__(self, around: Surroundings, scoring: Service, reference: Reference, key: str) -> None:
        self.around, self.scoring, self.reference, self.key = around, scoring, reference, key
        self.sent = 0

    async def report(self, units: Iterable[Unit], period: str, poor: int, received: date, **changes: Any) -> None:
        """Publish the same poverty counts for all units; wait until they are scored and the sums are judged."""
        found = [self._report(unit, period, poor, received, **changes) for unit in units]
        await put_on_stream(self.around, *found)
        self.sent += len(found)

        async def is_scored() -> bool:
            items = (await self.get("/v1/targets"))["items"]
            return await count(self.around, SubmissionRow) == self.sent and bool(items)

        await eventually(is_scored)

    async def pass_to(self, day: date) -> None:
        """Let the days pass, and wait until each of them is judged."""
        await self.around.set_day(day)
        tick = table_of(TickRow)

        async def is_judged() -> bool:
            async with self.around.engine.connect() as connection:
                return await connection.scalar(select(tick.c.day).where(tick.c.day == day)) is not None

        await eventually(is_judged)

    async def get(self, path: str, **query: str) -> Any:
        async with self.scoring.client(self.key) as client:
            answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, **query: str) -> Any:
        async with self.scoring.client(self.key) as client:
            answer = await client.get(path, params=query)
        assert answer.status_code in (404, 422), answer.text
        return answer.json()

    async def part(self, commitment: str, unit: str = "20", **query: str) -> dict[str, Any]:
        """Return the numbers of a commitment's status."""
        items = (await self.get("/v1/targets", **query))["items"]
        (found,) = [one for one in items if one["commitment"]["id"] == commitment and one["unit"]["code"] == unit]
        (part,) = found["assessment"]["parts"]
        return {"on": found["assessment"]["on"], **part}

    async def poverty(self, code: str, **query: str) -> dict[str, Any]:
        """Return the status of a commune's poverty criterion."""
        shown = await self.get(f"/v1/communes/{code}", **query)
        (found,) = [one for one in shown["statuses"] if one["criterion"]["key"] == "ntm-11"]
        return {"not_inherited": shown["not_inherited"], **found}

    async def is_rebuilt_the_same(self, today: date) -> bool:
        await eventually(lambda: no_target_moved(self.around))
        compared = await rebuild(self.around.engine, self.around.nats, follow_each_other([self.reference]), today)
        assert compared.differences == []
        return compared.counts["status"][0] > 0

    def parts_of(self, code: str) -> list[Unit]:
        unit = self.reference.units.find(code, DAY)
        assert unit
        return [old for _, old in self.reference.lineage.origins(unit)]

    def _report(self, unit: Unit, period: str, poor: int, received: date, **changes: Any) -> AcceptedSubmission:
        district = self.reference.units.district(unit)
        return an_accepted_submission(
            datetime(received.year, received.month, received.day, 3, tzinfo=UTC),
            unit=unit.code,
            district=district.code if district else None,
            period=period,
            readings={"households": HOUSEHOLDS, "poor_households": poor, "near_poor_households": 0},
            **changes,
        )


@pytest.fixture
async def province(around: Surroundings, tmp_path: Path) -> Province:
    directory = reference_with_2025(tmp_path)
    await around.set_day(BEFORE)
    scoring = await around.start("scoring", NTM_REFERENCE_DIR=str(directory), NTM_PLAN=PLAN)
    return Province(around, scoring, load(PLAN, directory), await around.key("20"))


async def test_the_plan_goes_on_across_the_day_on_which_all_units_change(province: Province) -> None:
    units = province.reference.units
    old, new = units.communes(EVE, "20"), units.communes(DAY, "20", COMMUNE_LEVEL)
    await province.report(old, "2025-05", 100, date(2025, 6, 4))
    await province.pass_to(EVE)

    async def is_summed() -> Any:
        part = await province.part("poverty-rate")
        return part if part["denominator"] == HOUSEHOLDS * len(old) else None

    eve = await eventually(is_summed)
    assert (eve["units_counted"], eve["value"]) == (175, 10)
    district = await province.part("poverty-rate-poor-districts", "181")

    await province.pass_to(DAY)
    day = await province.part("poverty-rate")
    assert (day["units_counted"], day["denominator"]) == (175, eve["denominator"])
    assert (day["value"], day["status"]) == (eve["value"], eve["status"])
    assert (await province.part("poverty-communes"))["value"] == 168
    assert (await province.part("poverty-rate", as_of="2025-06-30"))["denominator"] == eve["denominator"]
    closed = await province.part("poverty-rate-poor-districts", "181")
    assert (closed["on"], closed["value"]) == ("2025-06-30", district["value"])

    view = await province.get(f"/v1/communes/{MERGED}")
    assert {one["unit"]["key"] for one in view["related"]} == {unit.key for unit in province.parts_of(MERGED)}
    assert {(one["direction"], one["on"], one["whole"]) for one in view["related"]} == {("from", str(DAY), True)}
    former = view["related"][0]
    old_view = await province.get(f"/v1/communes/{former['unit']['code']}", as_of=former["shown_at"])
    into = [(one["unit"]["code"], one["direction"], one["on"]) for one in old_view["related"]]
    assert into == [(MERGED, "into", str(DAY))]
    split = (await province.get(f"/v1/communes/{WITH_SPLIT}"))["related"]
    assert False in {one["whole"] for one in split}
    merged = await province.poverty(MERGED)
    assert (merged["status"], merged["since"], merged["not_inherited"]) == ("met", "2025-07-01", [])
    (part,) = merged["assessment"]["parts"]
    assert part["denominator"] == HOUSEHOLDS * len(province.parts_of(MERGED))
    assert len(part["submissions"]) == len(province.parts_of(MERGED))
    for code in (WITH_TOWN, WITH_SPLIT):
        without = await province.poverty(code)
        assert without["status"] == "no_data"
        assert {"households", "poor_households"} <= set(without["not_inherited"][0]["elements"])
    assert await province.is_rebuilt_the_same(DAY)
    gone = next(unit for unit in province.parts_of(MERGED) if unit.code != MERGED)
    for path, query in ((f"/v1/communes/{gone.code}", {}), ("/v1/series", {"unit": gone.code, "criterion": "ntm-11"})):
        told = (await province.refused(path, **query))["detail"]
        assert gone.title in told, "who it was until when"
        assert f"{MERGED} " in told, "who has taken its place"

    await province.pass_to(AUGUST)
    await province.report(new, "2025-07", 60, AUGUST)

    async def is_taken_over() -> Any:
        part = await province.part("poverty-rate")
        return part if part["denominator"] == HOUSEHOLDS * len(new) else None

    after = await eventually(is_taken_over)
    assert (after["numerator"], after["units_counted"], after["units_expected"]) == (60 * len(new), 194, 194)
    reported = await province.poverty(WITH_SPLIT)
    assert (reported["status"], reported["not_inherited"]) == ("met", [])
    assert await province.is_rebuilt_the_same(AUGUST)


async def test_what_comes_late_of_an_old_commune_moves_the_new_one(province: Province) -> None:
    first, *others = province.parts_of(MERGED)
    await province.report([first, *others], "2025-05", 100, date(2025, 6, 4))
    await province.pass_to(DAY)
    assert (await province.poverty(MERGED))["status"] == "met"
    assert [event for event, _ in await _told(province)] == ["first_data"]

    await province.pass_to(LATE)
    await province.report(others, "2025-06", 100, LATE)
    await province.report([first], "2025-06", 900, LATE)
    (part,) = (await eventually(lambda: _is(province, "behind")))["assessment"]["parts"]
    assert part["numerator"] == 900 + 100 * len(others)
    (_, (event, cause)) = await _told(province)
    assert event == "lost"
    assert cause is not None
    assert "lost" not in {one["event"] for one in await changes(province.around) if one["unit"]["key"] == first.key}
    assert await province.is_rebuilt_the_same(LATE)

    await province.report([first], "2025-06", 100, LATE, revision=2)
    await eventually(lambda: _is(province, "met"))
    assert await province.is_rebuilt_the_same(LATE)


async def _is(province: Province, status: str) -> Any:
    found = await province.poverty(MERGED)
    return found if found["status"] == status else None


async def _told(province: Province) -> list[tuple[str, str | None]]:
    """Return the changes of the new commune's poverty criterion, each with the submission that caused it."""
    unit = province.reference.units.find(MERGED, DAY)
    assert unit
    return [
        (one["event"], one["submission"])
        for one in await changes(province.around)
        if one["unit"]["key"] == unit.key and one["criterion"]["key"] == "ntm-11"
    ]
