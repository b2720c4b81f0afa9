"""The changes of verdicts that are published."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from services.scoring.judging.verdict import event_of
from shared.contracts.assessment import Assessment
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import Cause, Change, ContradictionChange, StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Unit
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref
from shared.stable_id import stable_id

_OF_REPORTS = (Event.OVERDUE, Event.REPORT_ARRIVED)


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a verdict: the day for which it holds, and the instant that is recorded."""

    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class PreviousVerdict:
    """The status and the overdue reports before a new verdict."""

    status: Status = Status.NO_DATA
    overdue: frozenset[str] = frozenset()
    series_from: date | None = None
    """The day of the break after which its figures were counted; None before any."""
    contradictory: bool = False
    """True where its newest figures could not stand together."""

    def is_before_break(self, series_from: date | None) -> bool:
        """Tell whether a new verdict, on figures counted since `series_from`, is the first one after a break."""
        return series_from is not None and series_from != self.series_from and self.status != Status.NO_DATA


def events(before: PreviousVerdict, after: Status, overdue: Collection[str] = ()) -> list[Event]:
    """Name the changes from the previous verdict to the new one: of the status, of the overdue reports, or both."""
    of_status = [event] if (event := event_of(before.status, after)) else []
    if before.overdue.issuperset(overdue):
        return [*of_status, Event.REPORT_ARRIVED] if before.overdue.difference(overdue) else of_status
    return [*of_status, Event.OVERDUE]


def told_as(event: Event, cause: Cause | None) -> Event:
    """Return the event under which a change is told.

    Only figures and time make a loss an alarm, and what another plan, other rules or a rebuild make of the same figures
    is no news of a commune at all.
    """
    if cause in ("plan", "rules", "rebuild"):
        return Event.CHANGED
    is_alarm = event in (Event.LOST, Event.FELL_BEHIND)
    return Event.CHANGED if is_alarm and cause not in (None, "figure", "time") else event


def _cause_of(event: Event, cause: Cause | None, is_new_series: bool) -> Cause | None:
    """Return the cause of a change: of the first verdict after a break in the series it is the rules by which to count.

    A late or arriving report by itself has none of it.
    """
    is_of_status = event not in _OF_REPORTS
    return "rules" if is_new_series and is_of_status and cause in (None, "figure", "time") else cause


def _of_sum(event: Event, assessment: Assessment) -> Event:
    """Return the event of a sum: one that missing reports leave undecided is not lost, its reports are overdue."""
    return Event.CHANGED if event == Event.LOST and assessment.status == Status.NO_DATA else event


def _status_before(step: _Step, before: PreviousVerdict, assessment: Assessment) -> Status:
    """Return the status before a step; reports that are late or arrive and contradictions by themselves change none."""
    return assessment.status if step.contradiction or step.event in _OF_REPORTS else before.status


class _Step(NamedTuple):
    """One change of a verdict: an event and, where figures began or ceased to contradict each other, which of both."""

    event: Event
    contradiction: ContradictionChange | None = None


def _steps(before: PreviousVerdict, assessment: Assessment) -> Iterator[_Step]:
    yield from map(_Step, events(before, assessment.status, assessment.overdue))
    if before.contradictory != assessment.contradictory:
        yield _Step(Event.CHANGED, "begins" if assessment.contradictory else "ends")


@dataclass(frozen=True, slots=True)
class ChangesAt:
    """Makes the changes of verdicts that are found at a moment, by the plan of the reference data."""

    reference: Reference
    moment: Moment
    cause: Cause | None = None

    def of_criterion(
        self,
        unit: Unit,
        criterion: CriterionKey,
        before: PreviousVerdict,
        assessment: Assessment,
        submission: UUID | None,
        series_from: date | None = None,
    ) -> list[StatusChanged]:
        """Return the changes of a commune's criterion. `submission`: the one that caused them; None: time did.

        `series_from`: the day of the break after which the figures were counted that are judged now.
        """
        is_new_series = before.is_before_break(series_from)
        district = self.reference.units.district(unit)
        return [
            StatusChanged(
                id=_event_id(unit, criterion, step, before, assessment, submission),
                event=told_as(step.event, cause),
                before=_status_before(step, before, assessment),
                after=assessment.status,
                on=self.moment.on,
                at=self.moment.at,
                unit=unit_ref(unit),
                assessment=assessment,
                submission=submission,
                cause=cause,
                plan=self.reference.plan.id,
                sample=self.reference.plan.sample,
                criterion=criterion_ref(criterion, self.reference),
                district=unit_ref(district) if district else None,
                cohorts=[cohort.id for cohort in self.reference.cohorts_of(unit)],
                contradiction=step.contradiction,
            )
            for step in _steps(before, assessment)
            for cause in [_cause_of(step.event, self.cause, is_new_series)]
        ]

    def of_target(
        self,
        commitment: Commitment,
        target: Unit,
        before: PreviousVerdict,
        assessment: Assessment,
        series_from: date | None = None,
    ) -> list[TargetChanged]:
        """Return the changes of a commitment of a district or the province. `series_from`: as for a criterion."""
        is_new_series = before.is_before_break(series_from)
        return [
            TargetChanged(
                id=_event_id(
                    target, f"{self.reference.plan.id}/{commitment.id}", step, before, assessment, self.moment.at
                ),
                event=told_as(_of_sum(step.event, assessment), cause),
                before=_status_before(step, before, assessment),
                after=assessment.status,
                on=self.moment.on,
                at=self.moment.at,
                unit=unit_ref(target),
                assessment=assessment,
                cause=cause,
                plan=self.reference.plan.id,
                sample=self.reference.plan.sample,
                commitment=commitment_ref(commitment),
            )
            for step in _steps(before, assessment)
            for cause in [_cause_of(step.event, self.cause, is_new_series)]
        ]


def _event_id(
    unit: Unit, topic: str, step: _Step, before: PreviousVerdict, assessment: Assessment, cause: object
) -> UUID:
    """Return an id that is the same whenever the same change is found again."""
    known = before.status, assessment.status, assessment.on, *assessment.overdue, cause
    return stable_id(unit.key, topic, step.event, *known, *filter(None, [step.contradiction]))


def topic_of(change: Change) -> str:
    """Return the topic of a change: the criterion's key or the commitment's id."""
    match change:
        case StatusChanged():
            return change.criterion.key
        case TargetChanged():
            return change.commitment.id
    raise TypeError(type(change).__name__)
