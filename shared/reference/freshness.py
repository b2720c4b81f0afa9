"""The days until which a unit's figures are the newest that were due, and may stand for the present.

A state that was reported (households, a yes) stands until a newer figure comes, but not for ever: the plan says for how
many months. A decision, such as a recognition by a sector, stands until another one is made.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from shared.contracts.period import Period
from shared.reference.models import Due

_DAY = timedelta(days=1)
NEVER = date.max


class Age(NamedTuple):
    """The days from which on figures are outdated, since a newer report was due, and stale, since they are too old."""

    outdated: date = NEVER
    stale: date = NEVER


def oldest(ages: Iterable[Age]) -> Age:
    """Return the age of figures that hold together: as old as the oldest of them."""
    outdated, stale = NEVER, NEVER
    for age in ages:
        outdated, stale = min(outdated, age.outdated), min(stale, age.stale)
    return Age(outdated, stale)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Tells the ages of figures about one thing, by the reports that are due on it."""

    dues: Sequence[Due]
    stands_months: int | None
    """None: until the next figure."""
    until: date
    """The last day on which figures age for a plan: on the day it is closed its verdicts stand."""

    _ages: dict[Period, Age] = field(default_factory=dict, compare=False, repr=False)

    def age_of(self, period: Period) -> Age:
        """Return from when on a figure for a period is outdated and stale."""
        if period not in self._ages:
            outdated = min((due.by for due in self.dues if due.period.end > period.end), default=None)
            stale = stale_from(period, self.stands_months)
            self._ages[period] = Age(
                NEVER if outdated is None else outdated + _DAY, stale if stale <= self.until else NEVER
            )
        return self._ages[period]


@lru_cache(4096)
def stale_from(period: Period, stands_months: int | None) -> date:
    """Return the first day on which a figure for a period is too old to stand for the present."""
    if stands_months is None:
        return NEVER
    begins = period.end + _DAY
    years, month = divmod(begins.month - 1 + stands_months, 12)
    year = begins.year + years
    return date(year, month + 1, min(begins.day, monthrange(year, month + 1)[1]))
