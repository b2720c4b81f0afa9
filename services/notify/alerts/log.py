"""The log of alerts: entries about each alert, which notify publishes on `ntm.v1.alerts…`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged
from shared.nats.cloud_events import Message, cloud_event
from shared.stable_id import stable_id


def log_message(
    alert: UUID, unit_code: str, event: AlertEvent, now: datetime, trace: str | None, cause: object, **more: Any
) -> Message:
    """Return an entry of the alert's log as a CloudEvent. The same entry with the same cause has the same id."""
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
