"""The use case of acknowledging: somebody takes care of alerts, which then climb no further and are not repeated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.log import log_message
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import acknowledge_alerts
from services.notify.storage.tables import OutboxRow
from shared.contracts.alert import AlertEvent
from shared.service import outbox


class Responsible(NamedTuple):
    """The agency or the recipient who takes care of alerts, with their note on what is done."""

    by: str
    name: str | None
    """Their name, as people know it."""
    note: str | None
    at: datetime
    on: date
    """The day of it by the system's clock."""


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
