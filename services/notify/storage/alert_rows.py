"""Alerts as rows of the database, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row

from services.notify.alerts.alert import Alert, Occasion
from services.notify.alerts.events import EVENTS
from services.notify.alerts.significance import opens, severity
from shared.reference.load import Reference


def kept_alert(row: Row[Any], reference: Reference) -> Alert:
    """Return the alert that a row keeps."""
    occasion = cast(Occasion, EVENTS.validate_python(row.body))
    unit = reference.units.by_key(row.unit)
    return Alert(occasion, unit, reference.units.district(unit), row.trace, row.sample, row.ended_at is not None)


def alert_row(alert: Alert, now: datetime) -> dict[str, Any]:
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
        "body": alert.occasion,
    }
