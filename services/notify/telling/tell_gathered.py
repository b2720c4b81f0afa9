"""The use case of telling together the alerts that have waited long enough."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft, NotSent
from services.notify.alerts.significance import opens
from services.notify.stages.hold import postponed
from services.notify.stages.route import addresses_of
from services.notify.storage.alert_rows import kept_alert, readable_alert
from services.notify.storage.gatherings import (
    GatheredAlert,
    StoredGathering,
    alerts_gathered,
    empty_gatherings,
    no_longer_news,
    postpone_gathering,
    take_due_gatherings,
)
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.recipients import recipient_of
from services.notify.telling.tell import tell_now
from services.notify.world import World
from shared.contracts.alert import ChannelName
from shared.readable import read_rows

_BATCH = 100
_CHANNEL = TypeAdapter[ChannelName](ChannelName)
_DAMAGED_FOR = timedelta(hours=1)
"""The time until a gathering whose row is damaged is looked at again: somebody may have put the row back."""


async def tell_gathered(connection: AsyncConnection, pipeline: Pipeline, now: datetime) -> int:
    """Tell the gatherings that are due, and postpone those whose recipient has quiet hours, or is not to be read.

    Returns the number of gatherings that were due.
    """
    rows = await take_due_gatherings(connection, now, pipeline.world_reader.digest_time(now), _BATCH)
    if not rows:
        return 0
    world = await pipeline.world_reader.world(connection, now)
    alerts: dict[UUID, list[GatheredAlert]] = {}
    for row in await alerts_gathered(connection, [row.id for row in rows]):
        if readable_alert(row.alert, world.reference):
            alerts.setdefault(row.gathering, []).append(row)
    stale = await no_longer_news(connection, [row.id for row in rows])
    due = [row for row in rows if row.id in alerts]
    drafts, damaged = read_rows(due, lambda row: _gathered(row, alerts[row.id], stale, world))
    held = {draft.gathering: until for draft in drafts if draft.gathering and (until := postponed(draft, world))}
    for gathering, until in held.items():
        await postpone_gathering(connection, gathering, until, "quiet_hours")
    for unread in damaged:
        held[unread.id] = now + _DAMAGED_FOR
        await postpone_gathering(connection, unread.id, held[unread.id], unread.waits)
    telling = [draft for draft in drafts if draft.gathering not in held]
    decided = await tell_now(connection, telling, pipeline, world)
    repeats = {row.id: None for row in rows if row.id not in held} | {
        draft.gathering: _repeat_at(draft, world) for draft in decided if draft.gathering
    }
    told = [draft.gathering for draft in decided if draft.gathering and not draft.reason]
    await empty_gatherings(connection, repeats, told, now)
    return len(rows)


def _gathered(
    row: StoredGathering, alerts: Sequence[GatheredAlert], stale: Collection[tuple[UUID, UUID]], world: World
) -> Draft:
    """Return the draft of a gathering. Its contact may have changed or gone since the alerts were gathered."""
    _CHANNEL.validate_python(row.channel)
    whole = (kept_alert(gathered.alert, world.reference) for gathered in alerts)
    kept = tuple(replace(alert, is_over=True) if (row.id, alert.id) in stale else alert for alert in whole)
    recipient = recipient_of(row.recipient, kept[-1], world)
    known = world.contacts_of(recipient)
    contact = next((holder for holder in known if row.address in addresses_of(holder, row.channel, world)), None)
    address = row.address
    if contact is None:  # a leave began or ended meanwhile
        taken = [
            (own, one) for one in world.taken_over(recipient, address) for own in addresses_of(one, row.channel, world)
        ]
        address, contact = next(iter(taken), (address, None))
    return Draft(
        kept,
        row.branch,
        recipient,
        row.channel,
        address,
        contact,
        max(gathered.step for gathered in alerts),
        row.id,
        row.due_at,
        row.waits,
        not_sent=None if contact else NotSent.NO_CONTACT,
    )


def _repeat_at(draft: Draft, world: World) -> datetime | None:
    """Return the time at which the open alerts of a draft are told again; None when they are not."""
    branch = world.branch_of(draft)
    repeat = branch.group.repeat if branch and branch.group else None
    is_open = any(opens(alert) and not alert.is_over for alert in draft.alerts)
    return world.now + repeat if repeat and is_open and not draft.not_sent else None
