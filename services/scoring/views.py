"""What scoring's answers look like, and how they are put together from rows and readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from services.scoring.aggregate import Steps, series
from services.scoring.changes import unit_ref
from services.scoring.measures import Readings
from services.scoring.verdicts import assess_criterion, assess_target, criteria_of
from shared.contracts import Assessment, Bilingual, CommitmentRef, CriterionRef, Status, UnitRef
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit

type StatusRows = Mapping[tuple[int, str], Row[Any]]


class StatusItem(BaseModel):
    """A commune's criterion."""

    unit: UnitRef
    district: UnitRef | None
    criterion: CriterionRef
    status: Status
    since: date | None
    cohorts: list[str]
    assessment: Assessment | None


class StatusPage(BaseModel):
    """Statuses in order of commune and criterion; `next` is the cursor of the following page."""

    as_of: date
    items: list[StatusItem]
    next: str | None
    sample: bool


class TargetItem(BaseModel):
    """A commitment of the plan for a district or the province."""

    unit: UnitRef
    commitment: CommitmentRef
    status: Status
    since: date | None
    assessment: Assessment | None


class TargetList(BaseModel):
    """All commitments in the plan's order."""

    as_of: date
    items: list[TargetItem]
    sample: bool


class ChangeItem(BaseModel):
    """A change as it was published."""

    topic: str
    event: str
    before: Status
    after: Status
    on: date
    reason: Bilingual


class CommuneView(BaseModel):
    """Everything about one commune."""

    as_of: date
    unit: UnitRef
    district: UnitRef | None
    cohorts: list[str]
    statuses: list[StatusItem]
    changes: list[ChangeItem]
    sample: bool


def stored_items(communes: Iterable[Unit], rows: StatusRows, reference: Reference) -> list[StatusItem]:
    """The communes' criteria as they were last judged; every one of them still holds today."""
    items = []
    for unit in communes:
        for criterion in criteria_of(unit, reference):
            row = rows.get((unit.key, criterion))
            assessment = Assessment.model_validate(row.assessment) if row else None
            items.append(_status_item(unit, criterion, assessment, row, reference))
    return items


def judged_items(
    communes: Iterable[Unit],
    readings: Mapping[int, Readings],
    reference: Reference,
    on: date,
    rows: StatusRows | None = None,
) -> list[StatusItem]:
    """The communes' criteria judged at a day; `rows` tell since when it is so, where it still is."""
    return [
        _status_item(
            unit,
            criterion,
            assess_criterion(criterion, unit, readings.get(unit.key, {}), reference, on),
            (rows or {}).get((unit.key, criterion)),
            reference,
        )
        for unit in communes
        for criterion in criteria_of(unit, reference)
    ]


def target_item(
    commitment: Commitment, unit: Unit, steps: Steps, row: Row[Any] | None, reference: Reference, on: date
) -> TargetItem:
    """A commitment judged at a day; `row` tells since when it is so, where it still is."""
    communes = len(reference.units.communes(on, unit.code))
    observations = series(commitment, steps, reference.plan.baseline_date, communes, reference.plan.coverage)
    assessment = assess_target(commitment, observations, reference, on)
    return TargetItem(
        unit=unit_ref(unit),
        commitment=CommitmentRef(id=commitment.id, title=commitment.title, line=commitment.line),
        status=assessment.status,
        since=_since(assessment, row),
        assessment=assessment,
    )


def change_item(row: Row[Any]) -> ChangeItem:
    """A change out of the history."""
    return ChangeItem(
        topic=row.topic,
        event=row.event,
        before=row.before,
        after=row.after,
        on=row.on,
        reason=Bilingual.model_validate(row.body["assessment"]["reason"]),
    )


def district_of(unit: Unit, reference: Reference) -> UnitRef | None:
    """The unit's district."""
    district = reference.units.district(unit)
    return unit_ref(district) if district else None


def cohorts_of(unit: Unit, reference: Reference) -> list[str]:
    """The plan's cohorts that the commune is in."""
    return [cohort.id for cohort in reference.plan.cohorts if unit.code in cohort.members]


def _status_item(
    unit: Unit, criterion: str, assessment: Assessment | None, row: Row[Any] | None, reference: Reference
) -> StatusItem:
    return StatusItem(
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        criterion=CriterionRef(key=criterion, name=reference.criterion(criterion).name),
        status=assessment.status if assessment else Status.NO_DATA,
        since=_since(assessment, row),
        cohorts=cohorts_of(unit, reference),
        assessment=assessment,
    )


def _since(assessment: Assessment | None, row: Row[Any] | None) -> date | None:
    return row.since if row is not None and assessment is not None and row.status == assessment.status else None
