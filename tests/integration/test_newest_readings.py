"""The newest readings of a unit, as the database gives them, are those by which the tests of judging read them."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from uuid import UUID

import pytest

from services.scoring.judging.figures import Earlier, Figures
from services.scoring.storage.readings import newest_readings_among, write_readings
from shared.contracts.period import Period
from tests.builders import a_reading, as_read
from tests.running import Surroundings

BASELINE, HORIZON = date(2022, 12, 31), date(2022, 1, 1)
ELEMENTS = ("households", "poor_households", "workers_men")
PERIODS = [
    *(f"{year}-{month:02}" for year in (2022, 2023) for month in range(1, 13)),
    "2022-Q4", "2022", "2023-Q1", "2023-Q2",
]  # fmt: skip


def without_order(earlier: dict[str, Earlier]) -> dict[str, Earlier]:
    return {
        element: one._replace(
            by_baseline=one.by_baseline and sorted(one.by_baseline, key=lambda each: each.period.text)
        )
        for element, one in earlier.items()
    }


@pytest.mark.parametrize("seed", range(4))
async def test_the_database_reads_the_newest_as_the_tests_do(around: Surroundings, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - figures, not secrets
    units: dict[int, Figures] = {}
    for unit in range(1, 13):
        found = [
            a_reading(
                element,
                period,
                random.randint(0, 900),
                known_from=Period.parse(period).end + timedelta(days=random.choice([-400, -20, 4, 60])),
                submission=UUID(int=unit),
            )
            for element in ELEMENTS
            for period in random.sample(PERIODS, random.choice([0, 1, 2, 5, len(PERIODS)]))
        ]
        units[unit] = Figures({(one.element, one.period): one for one in found})
    days = {
        (unit, element): random.choice([date.min, date(2022, 12, 1), BASELINE, date(2023, 3, 31), date(2023, 12, 31)])
        for unit in units
        for element in ELEMENTS
    }
    compared = ELEMENTS[:2]
    async with around.engine.begin() as connection:
        await write_readings(connection, [(unit, one) for unit, own in units.items() for one in own.values()])
        read = await newest_readings_among(connection, days, HORIZON, BASELINE, compared)
    cut = 0
    for unit, figures in units.items():
        own = {element: days[unit, element] for element in ELEMENTS}
        expected, stored = as_read(figures, own, BASELINE, compared), read.get(unit, Figures())
        assert stored == expected
        assert without_order(stored.earlier) == without_order(expected.earlier)
        cut += len(expected.earlier)
    assert cut
