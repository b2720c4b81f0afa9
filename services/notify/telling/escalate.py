"""The use case of escalating: alerts that nobody has acknowledged in time climb to the next role."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft
from services.notify.routing.tree import escalations
from services.notify.stages.route import climb
from services.notify.storage.alert_rows import readable_alert
from services.notify.storage.escalations import climb_on, take_due_escalations
from services.notify.storage.tables import OutboxRow
from services.notify.telling.notice_rows import (
    log_entry,
)
from services.notify.telling.pipeline import Pipeline, pass_stages
from services.notify.telling.tell import gather_or_tell
from shared.contracts.alert import AlertEvent
from shared.nats.cloud_events import Message
from shared.service import outbox
from shared.working_days import after_working_days

_BATCH = 100


async def escalate(connection: AsyncConnection, pipeline: Pipeline, now: datetime) -> int:
    """Tell the next role of each alert that nobody has acknowledged in time.

    Returns the number of escalations that were due.
    """
    rows = await take_due_escalations(connection, now, _BATCH)
    if not rows:
        return 0
    world = await pipeline.world_reader.world(connection, now)
    climbing: list[Draft] = []
    entries: list[Message] = []
    for row in rows:
        alert = readable_alert(row.alert, world.reference)
        branch = world.of(alert).tree.branches.get(row.branch) if alert else None
        is_open = row.alert.ended_at is None and row.alert.acknowledged_at is None
        climbs = escalations(branch, alert) if branch and alert else ()
        if branch is None or alert is None or not is_open or row.step >= len(climbs):
            await climb_on(connection, row.alert.id, row.branch, row.step, None)
            continue
        climbing += climb(alert, branch, row.step, world)
        entries.append(log_entry(alert, AlertEvent.ESCALATED, now, cause=f"{row.branch}/{row.step}", detail=row.branch))
        following = climbs[row.step + 1 :]
        since = min(row.since, now)  # a damaged one keeps nobody from hearing
        due_at = after_working_days(since, following[0].after_working_days) if following else None
        await climb_on(connection, row.alert.id, row.branch, row.step + 1, due_at)
    if climbing:
        await gather_or_tell(connection, pass_stages(climbing, pipeline.arriving[1:], world), pipeline, world)
        await outbox.put(connection, OutboxRow, entries)
    return len(rows)
