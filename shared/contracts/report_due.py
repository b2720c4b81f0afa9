"""Reminders: a report is soon due and has not come, or there is nothing to be reminded of any more."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.refs import UnitRef


class ReportEvent(StrEnum):
    """An event of a report that is soon due. Readers of notify's API get it as `changed`, as that list is closed."""

    SOON_DUE = "report_soon_due"
    SETTLED = "report_settled"
    """It has come, or its day has passed: scoring tells of reports that are overdue."""


class ReportSoonDue(BaseModel):
    """A report of a district that is soon due, or no longer: the body of `ntm.v1.reports.<district>`."""

    id: UUID
    event: ReportEvent
    at: AwareDatetime
    unit: UnitRef = Field(description="The district whose units owe it.")
    report: str = Field(description="The report's id in the calendar.")
    name: Bilingual
    period: Period
    due: date = Field(description="The last day in time.")
    missing: list[UnitRef] = Field(description="The units that have not reported, when it was published.")
    sample: bool = Field(default=False, description="Whether it rests on invented sample data.")
