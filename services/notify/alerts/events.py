"""Reading alerts from published events, and making notes about the system itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from services.notify.alerts.alert import Alert, Occasion, day_of
from services.notify.alerts.dossier_turn import TurnOfDossier, turns_of
from services.notify.alerts.silence_given import SilenceGiven
from shared.contracts.alert import OperationEvent, OperationNoted
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.contracts.parked_message import Parked
from shared.contracts.reference_version import RulesChanged
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.verdict_change import AnyChange, StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Plan
from shared.reference.refs import unit_ref
from shared.text import holds_nul
from shared.time import VIETNAM


def _type_of(body: Any) -> str | None:
    """Return the type of an event by its fields. Changes name it in `kind`; a difficulty's `kind` is something else."""
    if not isinstance(body, dict):
        return None
    if "about" in body:
        return "operation"
    if "communes" in body:
        return "rules"
    if "silence" in body:
        return "silence"
    if "due" in body and "missing" in body:
        return "report"
    if "turn" in body:
        return "dossier"
    if "criteria_set" in body:
        return "step"
    if "sequence" in body:
        return "parked"
    return "problem" if "problem" in body else body.get("kind")


EVENTS: TypeAdapter[Occasion | Parked | DossierLogged] = TypeAdapter(
    Annotated[
        Annotated[StatusChanged, Tag("status")]
        | Annotated[TargetChanged, Tag("target")]
        | Annotated[DifficultyLogged, Tag("problem")]
        | Annotated[OperationNoted, Tag("operation")]
        | Annotated[TurnOfDossier, Tag("dossier")]
        | Annotated[ReportSoonDue, Tag("report")]
        | Annotated[RulesChanged, Tag("rules")]
        | Annotated[SilenceGiven, Tag("silence")]
        | Annotated[Parked, Tag("parked")]
        | Annotated[DossierLogged, Tag("step")],
        Discriminator(_type_of),
    ]
)


_CHANGES: TypeAdapter[AnyChange] = TypeAdapter(AnyChange)


def read_alerts(body: bytes, trace: str | None, reference: Reference) -> list[Alert]:
    """Return the alerts of a published event: one for each turn of a dossier's step, for others a single one.

    KeyError when the reference data have no such unit. ValueError where it is no event, or cannot be stored.
    """
    if holds_nul(body):
        raise ValueError("a text holds a NUL character, which cannot be stored")
    match _read_event(body):
        case DossierLogged() as logged:
            return [alert_of(turn, reference, trace) for turn in turns_of(logged)]
        case Parked() as parked:
            return [alert_of(_note_of_parked(parked, reference), reference, trace)]
        case event:
            return [alert_of(event, reference, trace)]


def _read_event(body: bytes) -> Occasion | Parked | DossierLogged:
    try:  # most events are changes, and the type of one is known before it is read
        return _CHANGES.validate_json(body)
    except ValidationError:
        return EVENTS.validate_json(body)


def _note_of_parked(parked: Parked, reference: Reference) -> OperationNoted:
    """Note for the operators that a message was parked, replayed or dropped."""
    event = OperationEvent.MESSAGES_PARKED if parked.state == "parked" else OperationEvent.MESSAGES_SETTLED
    about = f"{parked.service} {parked.stream}/{parked.sequence}"
    return note_of(event, parked.id, about, Bilingual(vi=parked.reason, en=parked.reason), parked.at, reference)


def note_of(
    event: OperationEvent, key: UUID, about: str, words: Bilingual, at: datetime, reference: Reference
) -> OperationNoted:
    """Make a note about the system for the people of the province who run it; the same key makes the same note."""
    unit = reference.units.find(reference.plan.unit, at.astimezone(VIETNAM).date())
    province = unit or reference.units.known(reference.plan.unit)[-1]
    place = unit_ref(province)
    return OperationNoted(id=key, event=event, at=at, unit=place, about=about, words=words)


def alert_of(occasion: Occasion, reference: Reference, trace: str | None = None) -> Alert:
    """Return the alert with its unit as of the event's day; KeyError when the reference data have no such unit."""
    on = day_of(occasion)
    key = occasion.unit.key
    unit = reference.units.find(occasion.unit.code, on) if key is None else reference.units.by_key(key)
    if unit is None:
        raise KeyError(f"unit {occasion.unit.code} on {on}")
    district = reference.units.district(unit)
    if isinstance(occasion, StatusChanged | TargetChanged):
        closing = _closing_plan(occasion, reference.plan)
        return Alert(occasion, unit, district, trace, occasion.sample, closing_plan=closing)
    sample = (
        occasion.sample
        if isinstance(occasion, TurnOfDossier | ReportSoonDue | RulesChanged | SilenceGiven)
        else reference.plan.sample
    )
    return Alert(occasion, unit, district, trace, sample)


def _closing_plan(change: StatusChanged | TargetChanged, in_force: Plan) -> str | None:
    """Return the plan of a change that came while the plan in force had begun; None where it is of that plan."""
    has_begun = in_force.first_day <= change.on <= in_force.deadline
    return change.plan if has_begun and change.plan != in_force.id else None
