"""Pure: an alert as it would be, made of what somebody asks about."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from services.notify.alerts.alert import Alert, Occasion
from services.notify.alerts.events import alert_of
from shared.contracts.alert import DifficultyEvent, OccasionKind, OperationEvent, OperationNoted
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.refs import CommitmentRef
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import AnyEvent, Unit
from shared.reference.refs import criterion_ref, unit_ref
from shared.time import VIETNAM, utc_now

_NOBODY = UUID(int=0)
_EVENTS: dict[OccasionKind, type[Event] | type[DifficultyEvent] | type[OperationEvent]] = {
    "status": Event,
    "target": Event,
    "problem": DifficultyEvent,
    "operation": OperationEvent,
}


def supposed(
    reference: Reference,
    code: str,
    on: OccasionKind,
    event: AnyEvent,
    criterion: str | None,
    commitment: str | None,
    kind: DifficultyKind,
) -> Alert:
    """Such an alert today, or on the plan's last day where that has passed; problem 400 where there can be none."""
    at = utc_now()
    if at.astimezone(VIETNAM).date() > reference.plan.deadline:
        at = datetime.combine(reference.plan.deadline, time(12), VIETNAM)
    day = at.astimezone(VIETNAM).date()
    unit = reference.units.find(code, day)
    if unit is None:
        details = {"value": code, "expected": Bilingual(vi=f"không có vào {day}", en=f"there is none on {day}")}
        raise Problem(Problems.INVALID_QUERY, Fault("/unit", Faults.BAD_PARAMETER, details))
    if not isinstance(event, _EVENTS[on]):
        raise _wrong("/event", event, ", ".join(_EVENTS[on]))
    if criterion is not None and criterion not in reference.criterion_keys:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": criterion}))
    known = {one.id: one for one in reference.plan.commitments}
    if on == "target" and commitment not in known:
        raise _wrong("/commitment", commitment, ", ".join(known))
    if on == "status" and criterion is None:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.MISSING))
    return alert_of(_occasion(reference, unit, at, on, event, criterion, commitment, kind), reference)


def _occasion(
    reference: Reference,
    unit: Unit,
    now: datetime,
    on: OccasionKind,
    event: AnyEvent,
    criterion: str | None,
    commitment: str | None,
    kind: DifficultyKind,
) -> Occasion:
    place = unit_ref(unit)
    district = reference.units.district(unit)
    about = Bilingual(vi="", en="")
    if isinstance(event, OperationEvent):
        return OperationNoted(id=_NOBODY, event=event, at=now, unit=place, about="", words=about)
    if isinstance(event, DifficultyEvent):
        return DifficultyLogged(
            id=_NOBODY,
            problem=_NOBODY,
            event="problem_reported" if event is DifficultyEvent.REPORTED else "problem_answered",
            closes=event is DifficultyEvent.CLOSED,
            at=now,
            unit=place,
            district=None,
            criterion=criterion,
            kind=kind,
            agency="?",
            words="?",
            contact=None,
            reported_by="?",
        )
    assessment = Assessment(status=Status.BEHIND, on=now.astimezone(VIETNAM).date(), parts=[], overdue=[], reason=about)
    change = {
        "id": _NOBODY,
        "event": event,
        "unit": place,
        "before": Status.ON_TRACK,
        "after": Status.BEHIND,
        "on": now.astimezone(VIETNAM).date(),
        "at": now,
        "assessment": assessment,
    }
    if on == "target":
        title = next(one.title for one in reference.plan.commitments if one.id == commitment)
        return TargetChanged(**change, commitment=CommitmentRef(id=commitment or "", title=title, line=None))
    key = criterion or ""
    return StatusChanged(
        **change,
        district=unit_ref(district) if district else None,
        criterion=criterion_ref(key, reference),
        cohorts=[cohort.id for cohort in reference.cohorts_of(unit)],
    )


def _wrong(pointer: str, value: object, expected: str) -> Problem:
    words = Bilingual(vi=f"cần một trong: {expected}", en=f"one of these is expected: {expected}")
    return Problem(Problems.INVALID_QUERY, Fault(pointer, Faults.BAD_PARAMETER, {"value": value, "expected": words}))
