"""The calendar: when periods open, and when reports are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.dossier import DossierStep
from shared.contracts.period import Granularity, Period
from shared.reference.models.record import CriterionKey, Record
from shared.reference.models.units import UnitKind

Month = Annotated[int, Field(ge=1, le=12)]


@dataclass(frozen=True, slots=True)
class Due:
    """A report for a period and the last day on which it is in time."""

    period: Period
    by: date


class Report(Record):
    """A report of the calendar: for each period that ends in one of `months`, due on `due_day` some months later.

    It is about criteria, and then communes owe it, or about single elements, and then units of the kinds `reported_by`.
    """

    id: str
    name: Bilingual
    criteria: list[CriterionKey] = Field(default=[])
    elements: list[str] = Field(default=[], description="Elements that belong to no criterion.")
    reported_by: list[UnitKind] = Field(default=[], description="The kinds of units that owe a report on `elements`.")
    granularity: Granularity
    months: list[Month] = Field(description="Months in which its periods end.")
    due_months_later: int = Field(ge=0, le=12, description="0: within the period's last month.")
    due_day: int = Field(ge=1, le=28)
    verified: bool
    source: str

    def periods_of(self, year: int) -> list[Period]:
        """Return the periods of a year for which the report is asked, oldest first."""
        return [period for month in self.months if (period := _ending_in(year, month, self.granularity))]

    def due_in(self, year: int) -> list[Due]:
        """Return the reports due for the periods of a year, oldest first."""
        return [Due(period, self.due_day_of(period)) for period in self.periods_of(year)]

    def due_day_of(self, period: Period) -> date:
        """Return the last day on which the report for the period is in time."""
        month = period.end.month - 1 + self.due_months_later
        return date(period.end.year + month // 12, month % 12 + 1, self.due_day)


class Opening(Record):
    """The day from which on a period can be reported: a day of its last month, or its first day where that is later."""

    granularities: list[Granularity] = Field(min_length=1)
    day_of_last_month: int = Field(ge=1, le=28)
    verified: bool
    source: str

    def opening_day_of(self, period: Period) -> date:
        """Return the first day on which figures for the period are accepted."""
        return max(period.start, period.end.replace(day=self.day_of_last_month))


class StepTime(Record):
    """The time for a step of a dossier of recognition, from the day on which it became an office's turn."""

    step: DossierStep
    working_days: int = Field(ge=1, le=250)
    verified: bool
    source: str


class CalendarFile(Record):
    """The content of `calendar.yaml`."""

    openings: list[Opening]
    reports: list[Report]
    dossier: list[StepTime] = Field(default=[], description="A step that is not named has no time of its own.")


@lru_cache
def _ending_in(year: int, month: int, granularity: Granularity) -> Period | None:
    """Return the period of this kind that ends with that month; None where none ends then, and for days."""
    months = {"year": 12, "half": 6, "quarter": 3, "month": 1}.get(granularity)
    if months is None or month % months:
        return None
    number = month // months
    endings = {"year": "", "half": f"-H{number}", "quarter": f"-Q{number}", "month": f"-{month:02}"}
    return Period.parse(f"{year}{endings[granularity]}")
