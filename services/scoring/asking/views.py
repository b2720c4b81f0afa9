"""What scoring's answers look like, and how they are put together from rows and readings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from services.scoring.judging.contributions import Increments
from services.scoring.judging.inheritance import NotInherited
from services.scoring.judging.measures import Figures
from services.scoring.judging.targets import assess_at
from services.scoring.judging.verdicts import assess_criterion, criterion_since
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.contracts.recognition import Recognition
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Unit
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref

type Sums = Mapping[tuple[str, int], Increments]
"""Summed steps by commitment and unit."""


class StatusItem(BaseModel):
    """A commune's criterion. With `as_of`: as it was known to be at that day."""

    unit: UnitRef
    district: UnitRef | None
    criterion: CriterionRef
    status: Status
    since: date | None
    cohorts: list[str]
    assessment: Assessment | None
    actual: Assessment | None = Field(
        default=None,
        description="Only with `as_of`: what was so at that day by all that is known today. A late report or a "
        "correction changes this, and never `assessment`, which is what was known then.",
    )


class StatusPage(BaseModel):
    """Statuses in order of commune and criterion; `next` is the cursor of the following page."""

    as_of: date
    items: list[StatusItem]
    next: str | None
    sample: bool


class TargetItem(BaseModel):
    """A commitment of the plan for a district or the province. With `as_of`: as it was known to be at that day."""

    unit: UnitRef
    commitment: CommitmentRef
    status: Status
    since: date | None
    assessment: Assessment | None
    actual: Assessment | None = Field(
        default=None, description="Only with `as_of`: what was so at that day by all that is known today."
    )


class TargetList(BaseModel):
    """All commitments in the plan's order."""

    as_of: date
    items: list[TargetItem]
    sample: bool


class RecognitionItem(BaseModel):
    """A commune's recognition by a criteria set."""

    unit: UnitRef
    district: UnitRef | None
    recognition: Recognition


class RecognitionPage(BaseModel):
    """Recognitions in order of commune; `next` is the cursor of the following page."""

    as_of: date
    items: list[RecognitionItem]
    next: str | None
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
    recognitions: list[Recognition]
    not_inherited: list[NotInherited] = Field(
        description="Figures of the units that the commune came out of while the plan runs which tell nothing of it."
    )
    changes: list[ChangeItem]
    sample: bool


def status_item(
    unit: Unit,
    criterion: CriterionKey,
    figures: Figures,
    reference: Reference,
    on: date,
    row: Row[Any] | None = None,
) -> StatusItem:
    """A commune's criterion judged at a day; `row` tells since when it is so, where it still is."""
    assessment = assess_criterion(criterion, unit, figures, reference, on)
    return StatusItem(
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        criterion=criterion_ref(criterion, reference),
        status=assessment.status,
        since=_since(assessment, row),
        cohorts=cohorts_of(unit, reference),
        assessment=assessment,
    )


def status_item_then(
    unit: Unit, criterion: CriterionKey, known: Figures, actual: Figures, reference: Reference, on: date
) -> StatusItem:
    """A commune's criterion at a day that has passed: by what was `known` then, and by what was so (`in_hindsight`)."""
    item = status_item(unit, criterion, known, reference, on)
    item.since = criterion_since(criterion, unit, known, reference, on)
    item.actual = assess_criterion(criterion, unit, actual, reference, on)
    return item


def target_item(
    commitment: Commitment, unit: Unit, steps: Increments, row: Row[Any] | None, reference: Reference, on: date
) -> TargetItem:
    """A commitment judged at a day, or on the unit's last one; `row` tells since when it is so, where it still is."""
    assessment = assess_at(commitment, unit, steps, reference, on)
    return TargetItem(
        unit=unit_ref(unit),
        commitment=commitment_ref(commitment),
        status=assessment.status,
        since=_since(assessment, row),
        assessment=assessment,
    )


def target_item_then(
    commitment: Commitment, unit: Unit, known: Sums, actual: Sums, reference: Reference, on: date
) -> TargetItem:
    """A commitment at a day that has passed: by the sums of what was `known` then, and of what was so."""
    key = commitment.id, unit.key
    item = target_item(commitment, unit, known.get(key, {}), None, reference, on)
    item.actual = assess_at(commitment, unit, actual.get(key, {}), reference, on)
    return item


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
    return [cohort.id for cohort in reference.cohorts_of(unit)]


def _since(assessment: Assessment | None, row: Row[Any] | None) -> date | None:
    return row.since if row is not None and assessment is not None and row.status == assessment.status else None
