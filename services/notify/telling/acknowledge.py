"""The use case of acknowledging: somebody takes care of alerts, which then climb no further and are not repeated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.log import log_message
from services.notify.alerts.offices import office_of
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import acknowledge_alerts
from services.notify.storage.notices import StoredNotice
from services.notify.storage.tables import OutboxRow
from shared.contracts.alert import AlertEvent
from shared.reference.load import Reference
from shared.service import outbox
from shared.service.clock import Clock


class Responsible(NamedTuple):
    """The agency or the recipient who takes care of alerts, with their note on what is done."""

    by: str
    name: str | None
    """Their name, as people know it."""
    note: str | None
    at: datetime
    on: date
    """The day of it by the system's clock."""


def recipient_takes(notice: StoredNotice, note: str | None, clock: Clock, reference: Reference) -> Responsible:
    """Return the recipient of a notice, who takes care of its alerts, as the record and people name them."""
    today = clock.today()
    by = as_recorded(notice)
    office = office_of(notice.recipient, today, reference)
    name = f"{notice.name} ({office})" if notice.name and office else notice.name or office
    return Responsible(by, name, note, clock.now(), today)


def as_recorded(notice: StoredNotice) -> str:
    """Return the recipient of a notice as records name who did something: `role@unit (name)`."""
    return f"{notice.recipient} ({notice.name})" if notice.name else notice.recipient


async def acknowledge(
    connection: AsyncConnection, alerts: Collection[UUID], responsible: Responsible
) -> Sequence[StoredAlert]:
    """Record and publish who takes care of alerts. An earlier acknowledgement stays.

    Returns the alerts that nobody had acknowledged before.
    """
    by, name, note, at, on = responsible
    rows = await acknowledge_alerts(connection, alerts, by, note, at)
    entries = [
        log_message(
            row.id,
            row.body["unit"]["code"],
            AlertEvent.ACKNOWLEDGED,
            at,
            row.trace,
            row.id,
            by=by,
            by_name=name,
            on=on,
            detail=note,
        )
        for row in rows
    ]
    await outbox.put(connection, OutboxRow, entries)
    return rows
