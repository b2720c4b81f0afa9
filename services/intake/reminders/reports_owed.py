"""The reports that units owe on a day, by what intake's tables hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.intake.rules.reports_due import DueReport, reports_due, subjects_of, with_inherited
from services.intake.storage import reports
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.service.runtime import Runtime


async def reports_owed(
    runtime: Runtime, reference: Reference, units: Sequence[Unit], on: date
) -> tuple[list[DueReport], list[UUID]]:
    """Return the reports that these units owe on a day, and submissions of which a review cannot be read."""
    plan = reference.plan
    family = list(reference.lineage.families(one.key for one in units))
    asked = reports.Asked(family, subjects_of(reference), on, first=plan.horizon, last=plan.deadline)
    async with runtime.engine.connect() as connection:
        reported, unreadable = await reports.reported(connection, asked)
    known = with_inherited(reported, reference, [reference.units.by_key(key) for key in family])
    return reports_due(reference, units, known, on), list(unreadable)
