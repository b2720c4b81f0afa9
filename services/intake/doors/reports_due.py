"""`GET /v1/reports-due`: the reports that the plan's calendar asks of a unit, and how many of them have come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.intake.reminders.reports_owed import reports_owed
from services.intake.rules.reports_due import DueReport
from services.intake.service import Serving
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.refs import CriterionRef, SentUnitCode, UnitRef
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.naming import not_on_that_day
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter()

_AHEAD = timedelta(days=366)
"""How far ahead one may look."""


class ReportDue(BaseModel):
    """A report for a period that the units of one district owe."""

    report: str = Field(description="The report's id in the calendar.")
    name: Bilingual
    criteria: list[CriterionRef] = Field(description="The criteria that it is about; none for single elements.")
    period: Period
    due: date = Field(description="The last day in time.")
    overdue: bool = Field(description="The day has passed and reports are missing.")
    district: UnitRef | None
    expected: int = Field(
        description="The units of which it is expected: those that the plan binds, and those that have begun to report."
    )
    arrived: int = Field(description="Those whose report has come, or a later one that makes up for it.")
    missing: list[UnitRef] = Field(description="The others.")
    returned: list[UnitRef] = Field(description="Units whose figures were returned and have not been corrected.")
    never_reported: int = Field(description="Communes of which it is not expected: they have never reported on it.")


class ReportsDue(BaseModel):
    """The reports that are due on a day, overdue ones first."""

    on: date
    items: list[ReportDue]
    unreadable: list[UUID] = Field(
        default=[], description="Submissions of which a review is damaged: whether they were returned cannot be told."
    )


@router.get("/v1/reports-due")
async def list_reports_due(
    intake: Serving,
    caller: SignedIn,
    unit: Annotated[
        SentUnitCode | None, Query(description="A commune, a district or the province; by default the caller's units.")
    ] = None,
    on: Annotated[
        date | None,
        Query(description="The day; by default today. Of a past day: by figures known then that still stand."),
    ] = None,
) -> ReportsDue:
    """List the reports that are overdue, due or returned: by report, period and district, with who is missing.

    A report is overdue where scoring says so of a commune's criterion: both use the same rule.
    """
    runtime = intake.runtime
    today, first = runtime.clock.today(), runtime.plans.references[0].plan.baseline_date
    if on is not None and not first <= on <= today + _AHEAD:
        raise bad_parameter("on", on, f"{first} … {today + _AHEAD}")
    day = on or today
    reference = runtime.plans.in_force(day)
    units = _units(reference, caller, unit, day)
    found, unreadable = await reports_owed(runtime, reference, units, day)
    return ReportsDue(on=day, items=[_item(entry, reference) for entry in found], unreadable=unreadable)


def _units(reference: Reference, caller: Caller, code: str | None, on: date) -> Sequence[Unit]:
    """Return the units of a day that the caller covers, of one unit only those that are or lie below it."""
    units = reference.units
    if code is not None and units.find(code, on) is None:
        raise Problem(Problems.REFUSED, not_on_that_day("/unit", code, units, on))
    below = [one for one in units if one.is_valid(on) and (code is None or units.is_under(one, code))]
    covered = [one for one in below if caller.covers_unit(one, units)]
    if below and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": code}))
    return sorted(covered, key=lambda one: one.code)


def _item(entry: DueReport, reference: Reference) -> ReportDue:
    return ReportDue(
        report=entry.report.id,
        name=entry.report.name,
        criteria=[criterion_ref(key, reference) for key in entry.report.criteria if key in reference.criterion_keys],
        period=entry.due.period,
        due=entry.due.by,
        overdue=entry.overdue,
        district=unit_ref(entry.district) if entry.district else None,
        expected=entry.expected,
        arrived=entry.arrived,
        missing=[unit_ref(one) for one in entry.missing],
        returned=[unit_ref(one) for one in entry.returned],
        never_reported=entry.never_reported,
    )
