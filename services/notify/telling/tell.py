"""The use case of telling: notify records a batch of alerts, and tells them at once or gathers them for later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft
from services.notify.alerts.events import alert_of
from services.notify.alerts.significance import ENDS
from services.notify.storage.alert_rows import alert_row
from services.notify.storage.alerts import end_alerts, end_repeated, record_alerts
from services.notify.storage.escalations import begin_escalations
from services.notify.storage.gatherings import (
    NewGathered,
    NewGathering,
    add_to_gatherings,
)
from services.notify.storage.notices import StoredNotice, record_notices
from services.notify.storage.tables import OutboxRow
from services.notify.telling.budget import afford
from services.notify.telling.notice_rows import (
    escalation_rows,
    log_entries_of_unsent,
    log_entry,
    mention_rows,
    notice_row,
)
from services.notify.telling.pipeline import Pipeline, pass_stages
from services.notify.telling.world_reader import with_causes
from services.notify.world import World
from shared.contracts.alert import AlertEvent
from shared.service import outbox

ENDING = [(event.value, ended.value) for event, all_ended in ENDS.items() for ended in all_ended]
"""Pairs of an event and an event that it ends."""


async def tell(connection: AsyncConnection, alerts: Sequence[Alert], pipeline: Pipeline, now: datetime) -> int:
    """Record alerts, route them to their recipients, tell at once those that need not wait, and gather the others.

    Returns the number of new alerts. Alerts that are known already change nothing.
    """
    by_id = {alert.id: alert for alert in alerts}
    ordered = sorted(by_id.values(), key=lambda alert: str(alert.id))  # so that no two workers wait for each other
    new = await record_alerts(connection, [alert_row(alert, now) for alert in ordered])
    fresh = [alert for alert in by_id.values() if alert.id in new]
    if not fresh:
        return 0
    ended = await end_alerts(connection, new, ENDING, now)
    if found := [alert.id for alert in fresh if alert.is_found_by_rebuild]:
        await end_repeated(connection, found, now)
    world = await pipeline.world_reader.world(connection, now)
    begun = [Draft((replace(alert, is_over=True) if alert.id in ended else alert,)) for alert in fresh]
    drafts = pass_stages(begun, pipeline.arriving, world)
    await gather_or_tell(connection, drafts, pipeline, world)
    await outbox.put(connection, OutboxRow, [log_entry(alert, AlertEvent.RAISED, now) for alert in fresh])
    return len(fresh)


async def gather_or_tell(
    connection: AsyncConnection, drafts: Sequence[Draft], pipeline: Pipeline, world: World
) -> None:
    """Gather the drafts that are held, and tell the others now."""
    held = [draft for draft in drafts if draft.due_at]
    await _gather(connection, held, world)
    if pipeline.handover and any(draft.due_at <= world.now for draft in held if draft.due_at):
        pipeline.handover.gathers = True
    await tell_now(connection, [draft for draft in drafts if not draft.due_at], pipeline, world)


async def _gather(connection: AsyncConnection, drafts: Sequence[Draft], world: World) -> None:
    branches = {draft.branch: world.branch_of(draft) for draft in drafts}
    intervals = {name: branch.group.interval for name, branch in branches.items() if branch and branch.group}
    gatherings: list[NewGathering] = [
        {
            "id": draft.gathering,
            "branch": draft.branch,
            "recipient": str(draft.recipient),
            "channel": draft.channel,
            "address": draft.address,
            "due_at": draft.due_at,
            "waits": draft.waits,
        }
        for draft in drafts
    ]
    alerts: list[NewGathered] = [
        {"gathering": draft.gathering, "alert": alert.id, "step": draft.step}
        for draft in drafts
        for alert in draft.alerts
    ]
    await add_to_gatherings(connection, gatherings, alerts, world.wait_share, intervals)


async def tell_now(
    connection: AsyncConnection, drafts: Sequence[Draft], pipeline: Pipeline, world: World
) -> Sequence[Draft]:
    """Make the notices of these drafts, due at once; return the drafts as the last stages left them."""
    drafts = list({draft.id: draft for draft in drafts}.values())  # two contacts who share a mailbox get one notice
    if not drafts:
        return []
    world = await with_causes(connection, drafts, world)
    decided, notes = await afford(connection, pass_stages(drafts, pipeline.telling, world), world)
    rows: Sequence[StoredNotice] = [notice_row(draft, world) for draft in decided]
    if pipeline.handover:
        rows = pipeline.handover.lease(rows, world.now)
    mentions = [row for draft in decided for row in mention_rows(draft)]
    new = await record_notices(connection, rows, mentions)
    if pipeline.handover:
        pipeline.handover.keep([(row, draft) for row, draft in zip(rows, decided, strict=True) if row.id in new], world)
    fresh = [draft for draft in decided if draft.id in new]
    await begin_escalations(connection, [row for draft in fresh for row in escalation_rows(draft, world)])
    unsent = [entry for draft in fresh for entry in log_entries_of_unsent(draft, world.now)]
    await outbox.put(connection, OutboxRow, unsent)
    await tell(connection, [alert_of(note, world.reference) for note in notes], pipeline, world.now)
    return decided
