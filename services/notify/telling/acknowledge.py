"""The use case of acknowledging: somebody takes care of alerts, which then climb no further and are not repeated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.log import log_message
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import acknowledge_alerts
from services.notify.storage.tables import OutboxRow
from shared.contracts.alert import AlertEvent
from shared.service import outbox


async def acknowledge(
    connection: AsyncConnection, alerts: Collection[UUID], by: str, note: str | None, now: datetime
) -> Sequence[StoredAlert]:
    """Record and publish that the agency or recipient `by` takes care of alerts. An earlier acknowledgement stays.

    Returns the alerts that nobody had acknowledged before.
    """
    rows = await acknowledge_alerts(connection, alerts, by, note, now)
    entries = [
        log_message(
            row.id, row.body["unit"]["code"], AlertEvent.ACKNOWLEDGED, now, row.trace, row.id, by=by, detail=note
        )
        for row in rows
    ]
    await outbox.put(connection, OutboxRow, entries)
    return rows
