"""The use case of telling, after the end of a silence, the alerts that it held back and that are still news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import REPEAT, Draft
from services.notify.alerts.significance import opens
from services.notify.stages.route import address
from services.notify.stages.settle import still_news
from services.notify.storage.alert_rows import readable_alert
from services.notify.storage.silenced import SilencedAlert, release, take_silenced
from services.notify.telling.pipeline import Pipeline, pass_stages
from services.notify.telling.recipients import recipient_of
from services.notify.telling.tell import gather_or_tell
from services.notify.world import World
from shared.readable import read_rows

_BATCH = 10
"""The most silences whose alerts one transaction tells."""


async def tell_silenced(connection: AsyncConnection, pipeline: Pipeline, now: datetime) -> int:
    """Gather or tell what silences that have ended held back: what is still news, and reminders of what is still open.

    The stages see these alerts like new ones, so another silence may hold them back again. Returns the number of
    decisions.
    """
    rows = await take_silenced(connection, now, _BATCH)
    if not rows:
        return 0
    world = await pipeline.world_reader.world(connection, now)
    told_before = {row.alert.id for row in rows if row.was_told}
    drafts = pass_stages(_drafts(rows, world), pipeline.arriving[1:], world)
    await gather_or_tell(connection, [_reminding(draft, told_before) for draft in drafts], pipeline, world)
    await release(connection, rows, now)
    return len(rows)


def _drafts(rows: Sequence[SilencedAlert], world: World) -> Sequence[Draft]:
    ways: dict[tuple[object, ...], list[SilencedAlert]] = {}
    for row in rows:
        ways.setdefault((row.recipient, row.channel, row.step), []).append(row)
    drafts = [draft for held_back in ways.values() for draft in _drafts_of(held_back, world)]
    return list({draft.id: draft for draft in drafts}.values())


def _drafts_of(rows: Sequence[SilencedAlert], world: World) -> Sequence[Draft]:
    """Return the drafts for one recipient and channel, by all its branches, at the addresses that are known now."""
    known = [(row, alert) for row in rows if (alert := readable_alert(row.alert, world.reference))]
    unknown = {
        alert.id: replace(alert, is_over=alert.is_over or (row.is_overtaken and not opens(alert)))
        for row, alert in known
        if not row.was_told
    }
    news = {alert.id for alert in still_news(list(unknown.values()))}
    drafts: list[Draft] = []
    to_tell = (
        (row, unknown.get(alert.id, alert))
        for row, alert in known
        if (_is_to_be_repeated(row) if row.was_told else alert.id in news)
    )
    recipients = read_rows(to_tell, lambda one: (*one, recipient_of(one[0].recipient, one[1], world))).items
    for row, alert, recipient in recipients:
        if recipient.role and not (row.step and row.alert.acknowledged_at):
            addressed = address(alert, row.branch, recipient, row.channel, row.step, world)
            drafts += [replace(draft, after=row.silence) for draft in addressed]
    return drafts


def _is_to_be_repeated(row: SilencedAlert) -> bool:
    return row.alert.opens and row.alert.ended_at is None and row.alert.acknowledged_at is None


def _reminding(draft: Draft, told_before: set[UUID]) -> Draft:
    """Return the draft as a reminder where the recipient knows all its alerts."""
    is_reminder = draft.waits == "group" and all(alert.id in told_before for alert in draft.alerts)
    return replace(draft, waits=REPEAT) if is_reminder else draft
