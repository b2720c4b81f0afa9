"""Working days in Vietnam: neither weekends nor public holidays, as the `holidays` library knows them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays.countries  # else the first question imports it, in the event loop

from shared.time import VIETNAM

_SATURDAY = 5


def is_working_day(day: date) -> bool:
    """Say whether offices work on a day. The library knows lunar holidays and moved days for some years ahead."""
    return day.weekday() < _SATURDAY and day not in _holidays(day.year)


def after_working_days(moment: datetime, days: int) -> datetime:
    """Return the same time of day `days` working days later, not counting days off."""
    local = moment.astimezone(VIETNAM)
    left = days
    while left:
        local += timedelta(days=1)
        left -= is_working_day(local.date())
    return local


def before_working_days(day: date, days: int) -> date:
    """Return the day `days` working days before a day, not counting days off."""
    while days:
        day -= timedelta(days=1)
        days -= is_working_day(day)
    return day


@lru_cache
def _holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("VN", years=year))
