"""When reports are due."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.contracts.words import Bilingual, Granularity
from shared.reference.models.record import CriterionKey, Record

Month = Annotated[int, Field(ge=1, le=12)]


class Report(Record):
    """A report that is due: for each of `months` (a period's last), by `due_day` so many months later."""

    id: str
    name: Bilingual
    criteria: list[CriterionKey]
    granularity: Granularity
    months: list[Month] = Field(description="Months in which its periods end.")
    due_months_later: int = Field(ge=0, le=12, description="0: within the period's last month.")
    due_day: int = Field(ge=1, le=28)
    verified: bool
    source: str


class CalendarFile(Record):
    """What `calendar.yaml` holds."""

    reports: list[Report]
