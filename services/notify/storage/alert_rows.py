"""Alerts as rows of the database, and back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict, cast
from uuid import UUID

import structlog
from pydantic import ValidationError

from services.notify.alerts.alert import Alert, AlertedEvent, AlertKind, Occasion
from services.notify.alerts.events import EVENTS
from services.notify.alerts.significance import opens, severity
from shared.contracts.alert import Severity
from shared.postgres.engine import WrittenJson
from shared.reference.load import Reference

log = structlog.get_logger()


class StoredAlert(NamedTuple):
    """An alert as its row has it; the fields are those of `AlertRow`, in its order."""

    id: UUID
    unit: int
    district: int | None
    kind: AlertKind
    topic: str
    event: AlertedEvent
    severity: Severity
    on: date
    at: datetime
    raised_at: datetime
    opens: bool
    ended_at: datetime | None
    ended_by: UUID | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_note: str | None
    sample: bool
    trace: str | None
    body: dict[str, Any]


class NewAlert(TypedDict):
    """An alert's values for a new row."""

    id: UUID
    unit: int | None
    district: int | None
    kind: str
    topic: str
    event: str
    severity: str
    on: date
    at: datetime
    raised_at: datetime
    opens: bool
    sample: bool
    trace: str | None
    body: WrittenJson


def kept_alert(row: StoredAlert, reference: Reference) -> Alert:
    """Return the alert that a row keeps."""
    occasion = cast(Occasion, EVENTS.validate_python(row.body))
    unit = reference.units.by_key(row.unit)
    return Alert(occasion, unit, reference.units.district(unit), row.trace, row.sample, row.ended_at is not None)


def readable_alert(row: StoredAlert, reference: Reference) -> Alert | None:
    """Return the alert that a row keeps; None where the row is damaged, so that it stops no other alert."""
    try:
        return kept_alert(row, reference)
    except (ValidationError, LookupError) as error:
        log.warning("stored alert cannot be read", alert=str(row.id), error=type(error).__name__)
        return None


def alert_row(alert: Alert, now: datetime) -> NewAlert:
    """Return the row that keeps an alert."""
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
        "body": WrittenJson(alert.document),
    }
