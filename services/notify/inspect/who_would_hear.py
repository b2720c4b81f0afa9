"""The recipients who would hear of an event, to whom routing leads a hypothetical alert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from uuid import UUID

from services.notify.alerts.alert import Alert, Occasion
from services.notify.alerts.dossier_turn import DossierEvent, TurnOfDossier
from services.notify.alerts.draft import Draft
from services.notify.alerts.events import alert_of
from services.notify.stages.route import route
from services.notify.texts import phrase
from services.notify.world import World
from shared.contracts.alert import DifficultyEvent, OccasionKind, OperationEvent, OperationNoted
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.dossier import DossierStep, DossierTurn
from shared.contracts.refs import CommitmentRef
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter
from shared.reference.load import Reference
from shared.reference.models import AnyEvent, Unit
from shared.reference.refs import criterion_ref, unit_ref
from shared.texts import filled
from shared.time import VIETNAM, utc_now
from shared.working_days import after_working_days

_NOBODY = UUID(int=0)
_EVENTS: dict[OccasionKind, type[Event] | type[DifficultyEvent] | type[OperationEvent]] = {
    "status": Event,
    "target": Event,
    "problem": DifficultyEvent,
    "operation": OperationEvent,
}


def who_would_hear(alert: Alert, world: World) -> Sequence[Draft]:
    """Return a draft for each recipient, channel and address by which the alert would be told now."""
    return route([Draft((alert,))], world)


def hypothetical_alert(
    reference: Reference,
    code: str,
    on: OccasionKind,
    event: AnyEvent,
    criterion: str | None,
    commitment: str | None,
    kind: DifficultyKind,
    day: date | None = None,
) -> Alert:
    """Return an alert as the event would raise it on a day: by default today, or the plan's last day when that is over.

    Raises problem 400 when there can be no such alert.
    """
    unit, at = _place(reference, code, day)
    if not isinstance(event, _EVENTS[on]):
        raise _wrong("event", event, ", ".join(_EVENTS[on]))
    if criterion is not None and criterion not in reference.criterion_keys:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": criterion}))
    known = [promised.id for promised in reference.plan.commitments]
    if on == "target" and commitment not in known:
        raise _wrong("commitment", commitment, ", ".join(known))
    if on == "status" and criterion is None:
        raise Problem(Problems.INVALID_QUERY, Fault("/criterion", Faults.MISSING))
    return alert_of(_occasion(reference, unit, at, on, event, criterion, commitment, kind), reference)


def hypothetical_turn(
    reference: Reference, code: str, step: DossierStep, criteria_set: str = "ntm", day: date | None = None
) -> Alert:
    """Return the alert of a dossier whose turn the step is on a day; problem 400 when there can be no such alert."""
    unit, at = _place(reference, code, day)
    if criteria_set not in reference.sets:
        raise _wrong("set", criteria_set, ", ".join(reference.plan.criteria_sets))
    of_set = reference.sets[criteria_set]
    criteria = [of_set.key(criterion) for criterion in of_set.criteria]
    kept = reference.step_time(step)
    due = after_working_days(at, kept.working_days).date() if kept else None
    turn = DossierTurn(
        step=step, criteria=criteria, since=at, working_days=kept.working_days if kept else None, due=due
    )
    occasion = TurnOfDossier(
        id=_NOBODY,
        event=DossierEvent.TURN,
        at=at,
        unit=unit_ref(unit),
        dossier=criteria_set,
        turn=turn,
        taken=DossierStep.SELF_ASSESSED,
        agency="?",
    )
    return alert_of(occasion, reference)


def _place(reference: Reference, code: str, day: date | None) -> tuple[Unit, datetime]:
    """Return a unit and noon of the day; without a day now, or noon of the plan's last day when that has passed."""
    at = datetime.combine(day, time(12), VIETNAM) if day else utc_now()
    if day is None and at.astimezone(VIETNAM).date() > reference.plan.deadline:
        at = datetime.combine(reference.plan.deadline, time(12), VIETNAM)
    day = at.astimezone(VIETNAM).date()
    unit = reference.units.find(code, day)
    if unit is None:
        raise bad_parameter("unit", code, filled(phrase("explain.no_such_unit_on_day"), day=day))
    return unit, at


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
        title = next(promised.title for promised in reference.plan.commitments if promised.id == commitment)
        return TargetChanged(**change, commitment=CommitmentRef(id=commitment or "", title=title, line=None))
    key = criterion or ""
    return StatusChanged(
        **change,
        district=unit_ref(district) if district else None,
        criterion=criterion_ref(key, reference),
        cohorts=[cohort.id for cohort in reference.cohorts_of(unit)],
    )


def _wrong(name: str, value: object, expected: str) -> Problem:
    return bad_parameter(name, value, filled(phrase("explain.one_of_these_expected"), expected=expected))
