"""Pure: an alert as it would be, made of what somebody asks about."""

from __future__ import annotations

from uuid import UUID

from services.notify.alerts import alert_of
from services.notify.notices import Alert, Occasion
from shared.clock import utc_now
from shared.contracts import (
    Assessment,
    Bilingual,
    CommitmentRef,
    CriterionRef,
    Event,
    OccasionKind,
    OperationEvent,
    OperationNoted,
    ProblemEvent,
    ProblemKind,
    ProblemLogged,
    Status,
    StatusChanged,
    TargetChanged,
    UnitRef,
)
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import AnyEvent, Unit

_NOBODY = UUID(int=0)
_EVENTS: dict[OccasionKind, type[Event] | type[ProblemEvent] | type[OperationEvent]] = {
    "status": Event,
    "target": Event,
    "problem": ProblemEvent,
    "operation": OperationEvent,
}


def supposed(
    reference: Reference,
    unit: Unit,
    on: OccasionKind,
    event: AnyEvent,
    criterion: str | None,
    commitment: str | None,
    kind: ProblemKind,
) -> Alert:
    """Such an alert today; problem 422 where there can be none."""
    if not isinstance(event, _EVENTS[on]):
        raise _wrong("/event", event, ", ".join(_EVENTS[on]))
    if criterion is not None and criterion not in reference.criterion_keys:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": criterion}))
    known = {one.id: one for one in reference.plan.commitments}
    if on == "target" and commitment not in known:
        raise _wrong("/commitment", commitment, ", ".join(known))
    if on == "status" and criterion is None:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.MISSING))
    return alert_of(_occasion(reference, unit, on, event, criterion, commitment, kind), reference)


def _occasion(
    reference: Reference,
    unit: Unit,
    on: OccasionKind,
    event: AnyEvent,
    criterion: str | None,
    commitment: str | None,
    kind: ProblemKind,
) -> Occasion:
    now, place = utc_now(), UnitRef(code=unit.code, name=unit.title_in("vi"), kind=unit.kind, key=unit.key)
    district = reference.units.district(unit)
    about = Bilingual(vi="", en="")
    if isinstance(event, OperationEvent):
        return OperationNoted(id=_NOBODY, event=event, at=now, unit=place, about="", words=about)
    if isinstance(event, ProblemEvent):
        return ProblemLogged(
            id=_NOBODY,
            problem=_NOBODY,
            event="problem_reported" if event is ProblemEvent.REPORTED else "problem_answered",
            closes=event is ProblemEvent.CLOSED,
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
    assessment = Assessment(status=Status.BEHIND, on=now.date(), parts=[], overdue=[], reason=about)
    change = {
        "id": _NOBODY,
        "event": event,
        "unit": place,
        "before": Status.ON_TRACK,
        "after": Status.BEHIND,
        "on": now.date(),
        "at": now,
        "assessment": assessment,
    }
    if on == "target":
        title = next(one.title for one in reference.plan.commitments if one.id == commitment)
        return TargetChanged(**change, commitment=CommitmentRef(id=commitment or "", title=title, line=None))
    key = criterion or ""
    return StatusChanged(
        **change,
        district=UnitRef(code=district.code, name=district.title_in("vi"), kind=district.kind) if district else None,
        criterion=CriterionRef(key=key, name=reference.criterion(key).name),
        cohorts=[cohort.id for cohort in reference.cohorts_of(unit)],
    )


def _wrong(pointer: str, value: object, expected: str) -> Problem:
    words = Bilingual(vi=f"cần một trong: {expected}", en=f"one of these is expected: {expected}")
    return Problem(Problems.INVALID_QUERY, Fault(pointer, Faults.BAD_PARAMETER, {"value": value, "expected": words}))
