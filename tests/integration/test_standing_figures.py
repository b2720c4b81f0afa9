"""The look-up of standing figures with which intake compares a submission."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert

from services.intake.storage import figures
from services.intake.storage.tables import ReadingRow
from shared.contracts.period import Period
from shared.postgres.statements import table_of
from tests.running import Surroundings

UNIT, OTHER = 194, 195


async def keep(around: Surroundings, *stands: tuple[int, str, str, int]) -> None:
    rows = [
        {
            "unit": unit,
            "element": element,
            "period": period,
            "period_end": Period.parse(period).end,
            "value": value,
            "stage": "reported",
            "stage_rank": 1,
            "revision": 1,
            "received_at": datetime(2023, 6, 30, tzinfo=UTC),
            "agency": "tests",
            "submission": UUID(int=1),
        }
        for unit, element, period, value in stands
    ]
    async with around.engine.begin() as connection:
        await connection.execute(insert(table_of(ReadingRow)), rows)


async def test_the_same_period_its_year_and_the_newest_before_are_found_for_each_element(around: Surroundings) -> None:
    await keep(
        around,
        (UNIT, "poor_households", "2023-05", 131),
        (UNIT, "poor_households", "2023", 120),
        (UNIT, "poor_households", "2023-03", 140),
        (UNIT, "poor_households", "2022-12", 150),
        (UNIT, "households", "2023-04", 1204),
    )
    may = Period.parse("2023-05")
    wanted = figures.FigureLookup(UNIT, may, "poor_households households", "poor_households households")
    async with around.engine.connect() as connection:
        found = await figures.standing(connection, [wanted])
    assert {code: reading.value for code, reading in found.figures(UNIT, may).items()} == {"poor_households": 131}
    assert found.figures(UNIT, Period.parse("2023"))["poor_households"].value == 120
    newest = {code: found.before(UNIT, code, may) for code in ("poor_households", "households")}
    assert {code: reading.period.text for code, reading in newest.items() if reading} == {
        "poor_households": "2023-03",
        "households": "2023-04",
    }
    assert not found.figures(UNIT, Period.parse("2022-12"))


async def test_what_has_to_agree_is_found_for_the_same_period_alone(around: Surroundings) -> None:
    await keep(around, (UNIT, "households", "2023-05", 1204), (UNIT, "households", "2023-04", 1200))
    may = Period.parse("2023-05")
    wanted = figures.FigureLookup(UNIT, may, "poor_households", "poor_households households")
    async with around.engine.connect() as connection:
        found = await figures.standing(connection, [wanted])
    assert found.figures(UNIT, may)["households"].value == 1204
    assert found.before(UNIT, "households", may) is None


async def test_each_unit_gets_its_own_figures_however_many_are_asked_for_at_once(around: Surroundings) -> None:
    await keep(around, (UNIT, "households", "2023-Q2", 1), (OTHER, "households", "2023-06-30", 2))
    quarter, day = Period.parse("2023-Q2"), Period.parse("2023-06-30")
    wanted = [
        figures.FigureLookup(unit, period, "households", "households")
        for unit in (UNIT, OTHER)
        for period in (quarter, day)
    ]
    async with around.engine.connect() as connection:
        found = await figures.standing(connection, wanted)
    assert [found.figures(UNIT, quarter)["households"].value, found.figures(OTHER, day)["households"].value] == [1, 2]
    assert not found.figures(UNIT, day)
    assert not found.figures(OTHER, quarter)
