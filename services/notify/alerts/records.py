"""Alerts as they come in and as they are kept: read from events, written to rows, said on `ntm.v1.alerts…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Discriminator, Tag, TypeAdapter
from sqlalchemy import Row

from services.notify.alerts.nature import opens, severity
from services.notify.alerts.notices import Alert, Occasion, day_of
from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged, OperationEvent, OperationNoted
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.parked_message import Parked
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.reference.load import Reference
from shared.reference.refs import unit_ref
from shared.stable_id import stable_id
from shared.time import VIETNAM


def _told_by_its_fields(body: Any) -> Any:
    """Changes say of what `kind` they are; a difficulty's `kind` is its nature."""
    if not isinstance(body, dict):
        return None
    if "about" in body:
        return "operation"
    if "sequence" in body:
        return "parked"
    return "problem" if "problem" in body else body.get("kind")


_SAID: TypeAdapter[Occasion | Parked] = TypeAdapter(
    Annotated[
        Annotated[StatusChanged, Tag("status")]
        | Annotated[TargetChanged, Tag("target")]
        | Annotated[DifficultyLogged, Tag("problem")]
        | Annotated[OperationNoted, Tag("operation")]
        | Annotated[Parked, Tag("parked")],
        Discriminator(_told_by_its_fields),
    ]
)


def read_alert(body: bytes, trace: str | None, reference: Reference) -> Alert:
    """The alert of a published event; KeyError when it names a unit that the reference does not have."""
    said = _SAID.validate_json(body)
    return alert_of(_of_parked(said, reference) if isinstance(said, Parked) else said, reference, trace)


def _of_parked(parked: Parked, reference: Reference) -> OperationNoted:
    """What the operators have to know of a message that was put aside, or is settled."""
    event = OperationEvent.MESSAGES_PARKED if parked.state == "parked" else OperationEvent.MESSAGES_SETTLED
    about = f"{parked.service} {parked.stream}/{parked.sequence}"
    return note_of(event, parked.id, about, Bilingual(vi=parked.reason, en=parked.reason), parked.at, reference)


def note_of(
    event: OperationEvent, key: UUID, about: str, words: Bilingual, at: datetime, reference: Reference
) -> OperationNoted:
    """Something about the system, told to those of the province who run it; the same key is the same note."""
    unit = reference.units.find(reference.plan.unit, at.astimezone(VIETNAM).date())
    province = unit or reference.units.known(reference.plan.unit)[-1]
    place = unit_ref(province)
    return OperationNoted(id=key, event=event, at=at, unit=place, about=about, words=words)


def kept_alert(row: Row[Any], reference: Reference) -> Alert:
    """The alert of its row."""
    occasion = cast(Occasion, _SAID.validate_python(row.body))
    unit = reference.units.by_key(row.unit)
    return Alert(occasion, unit, reference.units.district(unit), row.trace, row.sample, row.ended_at is not None)


def alert_of(occasion: Occasion, reference: Reference, trace: str | None = None) -> Alert:
    """The alert with its place in the tree of that day."""
    on = day_of(occasion)
    key = occasion.unit.key
    unit = reference.units.find(occasion.unit.code, on) if key is None else reference.units.by_key(key)
    if unit is None:
        raise KeyError(f"unit {occasion.unit.code} on {on}")
    sample = occasion.sample if isinstance(occasion, StatusChanged | TargetChanged) else reference.plan.sample
    return Alert(occasion, unit, reference.units.district(unit), trace, sample)


def alert_row(alert: Alert, now: datetime) -> dict[str, Any]:
    """The row that keeps an alert."""
    return {
        "id": alert.id,
        "unit": alert.unit.key,
        "district": alert.district.key if alert.district else None,
        "kind": alert.kind,
        "topic": alert.topic,
        "event": alert.event.value,
        "severity": severity(alert).value,
        "on": alert.on,
        "at": alert.occasion.at,
        "raised_at": now,
        "opens": opens(alert),
        "sample": alert.sample,
        "trace": alert.trace,
        "body": alert.occasion,
    }


def log_message(
    alert: UUID, unit_code: str, event: AlertEvent, now: datetime, trace: str | None, cause: object, **more: Any
) -> Message:
    """What became of an alert, as a CloudEvent on its subject. The same entry made again, of the same cause, has the
    same id.
    """
    entry = AlertLogged(id=stable_id(alert, cause, event), alert=alert, event=event, at=now, unit=unit_code, **more)
    return cloud_event(
        subjects.alert(unit_code, event),
        entry.model_dump_json(exclude_none=True).encode(),
        event_id=entry.id,
        kind=f"alert.{event}",
        source="notify",
        at=now,
        trace=trace,
    )
