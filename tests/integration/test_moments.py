"""Days and moments that only PostgreSQL knows are read, and all others come back as they were written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Date, bindparam, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from shared.time import VIETNAM
from shared.working_days import after_working_days
from tests.running import Surroundings

_MOMENT = TIMESTAMP(timezone=True)


async def test_no_day_of_the_database_stops_a_query(shared_around: Surroundings) -> None:
    said = "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'4713-01-01 BC'", "'10000-01-01'", "'294276-12-31'"
    async with shared_around.engine.connect() as connection:
        for each in said:
            day, moment = (await connection.execute(text(f"SELECT {each}::date, {each}::timestamptz"))).one()
            is_early = "BC" in each or "-inf" in each
            assert day == (date.min if is_early else date.max), each
            assert moment.astimezone(VIETNAM).year in (2, 9998), each
            assert after_working_days(moment, 10) > moment, each
            assert (moment < datetime.now(UTC)) == is_early, each
        row = (await connection.execute(text("SELECT '5874897-12-31'::date, NULL::date, NULL::timestamptz"))).one()
        assert tuple(row) == (date.max, None, None)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *((day, Date()) for day in (date(2023, 6, 30), date(1999, 12, 31), date(2000, 2, 29), date(1, 1, 2))),
        *(
            (datetime(*numbers, tzinfo=zone), _MOMENT)
            for numbers in ((2023, 6, 30, 23, 59, 59, 999_999), (1999, 12, 31, 23, 59, 59, 1), (1905, 1, 1))
            for zone in (UTC, VIETNAM, timezone(timedelta(hours=-5, minutes=-30)))
        ),
        (date.max, Date()),
        (date.min, Date()),
    ],
)
async def test_a_value_comes_back_as_it_was_written(shared_around: Surroundings, value: Any, kind: Any) -> None:
    given = bindparam("given", value, kind)
    async with shared_around.engine.connect() as connection:
        assert (await connection.execute(select(given))).scalar_one() == value
        words = (await connection.execute(text("SELECT (:given)::text").bindparams(given))).scalar_one()
    assert ("infinity" in words) == (value in (date.min, date.max)), words
