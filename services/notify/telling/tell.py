"""The use cases before delivery, each in the caller's one transaction: a batch of events, what has waited long enough,
what nobody has acknowledged, and a notice sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, NotSent, Recipient
from services.notify.alerts.events import alert_of
from services.notify.alerts.log import log_message
from services.notify.alerts.notice import NoticeStatus
from services.notify.alerts.significance import ENDS, has_link, opens
from services.notify.stages.hold import postponed
from services.notify.stages.route import addresses_of, climb
from services.notify.storage.alert_rows import alert_row, kept_alert
from services.notify.storage.alerts import alerts_of_notice, end_alerts, record_alerts
from services.notify.storage.escalations import begin_escalations, climb_on, take_due_escalations
from services.notify.storage.gatherings import (
    add_to_gatherings,
    alerts_gathered,
    empty_gatherings,
    postpone_gathering,
    take_due_gatherings,
)
from services.notify.storage.notices import record_notices, send_notice_again
from services.notify.storage.tables import OutboxRow
from services.notify.telling.budget import afford
from services.notify.telling.hand_over import Handover
from services.notify.telling.working_days import after_working_days
from services.notify.telling.world_reader import Situation, with_causes
from services.notify.world import Stage, World
from shared.contracts.alert import AlertEvent
from shared.nats.cloud_events import Message
from shared.service import outbox

_ENDS = [(event.value, ended.value) for event, several in ENDS.items() for ended in several]
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages in order, those that an alert passes when it comes and those that a draft passes when it is told, and
    what they know. `handover`: where what is due at once may be left by the transaction that is under way.
    """

    arriving: Sequence[Stage]
    telling: Sequence[Stage]
    situation: Situation
    handover: Handover | None = None


async def tell(connection: AsyncConnection, alerts: Sequence[Alert], pipeline: Pipeline, now: datetime) -> int:
    """Record alerts, decide who hears of them, tell at once what waits for nothing, and gather the rest; how many were
    new. Known alerts change nothing.
    """
    by_id = {alert.id: alert for alert in alerts}
    ordered = sorted(by_id.values(), key=lambda alert: str(alert.id))  # so that no two workers wait for each other
    new = await record_alerts(connection, [alert_row(alert, now) for alert in ordered])
    fresh = [alert for alert in by_id.values() if alert.id in new]
    if not fresh:
        return 0
    ended = await end_alerts(connection, new, _ENDS, now)
    world = await pipeline.situation.world(connection, now)
    drafts = _pass([Draft((replace(alert, is_over=alert.id in ended),)) for alert in fresh], pipeline.arriving, world)
    await _gather_or_tell(connection, drafts, pipeline, world)
    raised = [_entry(alert, AlertEvent.RAISED, now) for alert in fresh]
    await outbox.put(connection, OutboxRow, raised)
    return len(fresh)


async def tell_gathered(connection: AsyncConnection, pipeline: Pipeline, now: datetime) -> int:
    """Tell what has waited long enough; how much there was. What falls into quiet hours waits on."""
    rows = await take_due_gatherings(connection, now, _BATCH)
    if not rows:
        return 0
    world = await pipeline.situation.world(connection, now)
    alerts: dict[UUID, list[Row[Any]]] = {}
    for row in await alerts_gathered(connection, [row.id for row in rows]):
        alerts.setdefault(row.gathering, []).append(row)
    due = [row for row in rows if row.id in alerts]
    drafts = [_gathered(row, alerts[row.id], world) for row in due]
    held = {row.id: until for row, draft in zip(due, drafts, strict=True) if (until := postponed(draft, world))}
    for gathering, until in held.items():
        await postpone_gathering(connection, gathering, until, "quiet_hours")
    told = await _tell(connection, [draft for draft in drafts if draft.gathering not in held], pipeline, world)
    again = {row.id: None for row in rows if row.id not in held} | {
        draft.gathering: _again(draft, world) for draft in told if draft.gathering
    }
    await empty_gatherings(connection, again, now)
    return len(rows)


async def escalate(connection: AsyncConnection, pipeline: Pipeline, now: datetime) -> int:
    """Let climb what nobody has acknowledged in time; how much there was."""
    rows = await take_due_escalations(connection, now, _BATCH)
    if not rows:
        return 0
    world = await pipeline.situation.world(connection, now)
    climbing: list[Draft] = []
    entries: list[Message] = []
    for row in rows:
        branch = world.tree.branches.get(row.branch)
        is_open = row.ended_at is None and row.acknowledged_at is None
        if branch is None or not is_open or row.step >= len(branch.escalate):
            await climb_on(connection, row.id, row.branch, row.step, None)
            continue
        alert = kept_alert(row, world.reference)
        climbing += climb(alert, branch, row.step, world)
        entries.append(_entry(alert, AlertEvent.ESCALATED, now, cause=f"{row.branch}/{row.step}", detail=row.branch))
        following = branch.escalate[row.step + 1 :]
        due_at = after_working_days(row.since, following[0].after_working_days) if following else None
        await climb_on(connection, row.id, row.branch, row.step + 1, due_at)
    if climbing:
        await _gather_or_tell(connection, _pass(climbing, pipeline.arriving[1:], world), pipeline, world)
        await outbox.put(connection, OutboxRow, entries)
    return len(rows)


async def resend(connection: AsyncConnection, notice: Row[Any], pipeline: Pipeline, now: datetime, agency: str) -> bool:
    """Set a notice due again, and its recipient's addresses that became known since. False: there is still none."""
    world = await pipeline.situation.world(connection, now)
    rows = await alerts_of_notice(connection, notice.id)
    alerts = tuple(kept_alert(row, world.reference) for row in rows)
    recipient = recipient_of(notice.recipient, alerts[-1], world)
    drafts = [
        Draft(alerts, notice.branch, recipient, notice.channel, address, contact, notice.step)
        for contact in world.contacts_of(recipient)
        for address in addresses_of(contact, notice.channel)
        if address != notice.address
    ]
    added = await _tell(connection, drafts, pipeline, world) if not notice.address else []
    if notice.address and notice.text is not None:
        again = {
            "status": NoticeStatus.CREATED.value,
            "request_id": uuid4(),
            "due_at": now,
            "retry_until": now + world.retry_for,
            "resent_by": agency,
            "resent_at": now,
        }
        await send_notice_again(connection, notice.id, again)
        return True
    return bool(added)


def recipient_of(text: str, alert: Alert, world: World) -> Recipient:
    """The recipient that a row names."""
    role, _, code = text.partition("@")
    holder = next((one for one in world.reference.plan.roles if one.role == role), None)
    unit = world.reference.units.find(code, alert.on) or world.reference.units.known(code)[-1]
    return Recipient(holder, unit)


def _pass(drafts: Sequence[Draft], stages: Sequence[Stage], world: World) -> Sequence[Draft]:
    for stage in stages:
        drafts = stage(drafts, world)
    return drafts


async def _gather_or_tell(
    connection: AsyncConnection, drafts: Sequence[Draft], pipeline: Pipeline, world: World
) -> None:
    """Gather what is held, and tell the rest."""
    held = [draft for draft in drafts if draft.due_at]
    await _gather(connection, held, world)
    if pipeline.handover and any(draft.due_at <= world.now for draft in held if draft.due_at):
        pipeline.handover.gathers = True
    await _tell(connection, [draft for draft in drafts if not draft.due_at], pipeline, world)


async def _gather(connection: AsyncConnection, drafts: Sequence[Draft], world: World) -> None:
    intervals = {name: branch.group.interval for name, branch in world.tree.branches.items() if branch.group}
    ends = [
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
    alerts = [
        {"gathering": draft.gathering, "alert": alert.id, "step": draft.step}
        for draft in drafts
        for alert in draft.alerts
    ]
    await add_to_gatherings(connection, ends, alerts, world.wait_share, intervals)


def _gathered(row: Row[Any], alerts: Sequence[Row[Any]], world: World) -> Draft:
    """The draft of what was gathered; its contact may have changed, or gone, since it was gathered."""
    kept = tuple(kept_alert(one, world.reference) for one in alerts)
    recipient = recipient_of(row.recipient, kept[-1], world)
    known = world.contacts_of(recipient)
    contact = next((one for one in known if row.address in addresses_of(one, row.channel)), None)
    return Draft(
        kept,
        row.branch,
        recipient,
        row.channel,
        row.address,
        contact,
        max(one.step for one in alerts),
        row.id,
        row.due_at,
        row.waits,
        not_sent=None if contact else NotSent.NO_CONTACT,
    )


def _again(draft: Draft, world: World) -> datetime | None:
    """When what a draft told, and is still open, is told again."""
    branch = world.tree.branches.get(draft.branch)
    repeat = branch.group.repeat if branch and branch.group else None
    is_open = any(opens(alert) and not alert.is_over for alert in draft.alerts)
    return world.now + repeat if repeat and is_open and not draft.not_sent else None


async def _tell(
    connection: AsyncConnection, drafts: Sequence[Draft], pipeline: Pipeline, world: World
) -> Sequence[Draft]:
    """Make the notices of what is told now, and leave them due; the drafts as they were told."""
    drafts = list({draft.id: draft for draft in drafts}.values())  # a mailbox that two share is told once
    if not drafts:
        return []
    world = await with_causes(connection, drafts, world)
    decided, notes = await afford(connection, _pass(drafts, pipeline.telling, world), world)
    rows = [_notice_row(draft, world) for draft in decided]
    if pipeline.handover:
        pipeline.handover.lease(rows, world.now)
    mentions = [row for draft in decided for row in _mention_rows(draft)]
    new = await record_notices(connection, rows, mentions)
    if pipeline.handover:
        pipeline.handover.keep([row for row in rows if row["id"] in new], world)
    fresh = [draft for draft in decided if draft.id in new]
    await begin_escalations(connection, [row for draft in fresh for row in _escalation_rows(draft, world)])
    await outbox.put(connection, OutboxRow, [entry for draft in fresh for entry in _endings(draft, world.now)])
    await tell(connection, [alert_of(note, world.reference) for note in notes], pipeline, world.now)
    return decided


def _notice_row(draft: Draft, world: World) -> dict[str, Any]:
    wording, links = draft.wording, world.links if has_link(draft) else None
    if wording and links:
        wording = links.without(wording, draft.id)
    assert draft.recipient  # noqa: S101 - route has given it one
    return {
        "id": draft.id,
        "branch": draft.branch,
        "gathering": draft.gathering,
        "subscription": draft.recipient.subscription,
        "recipient": str(draft.recipient),
        "unit": draft.recipient.unit.key,
        "unit_code": draft.alert.occasion.unit.code,
        "name": draft.name,
        "channel": draft.channel,
        "address": draft.address,
        "language": draft.language,
        "status": draft.status.value,
        "reason": draft.reason.code if draft.reason else None,
        "waited": draft.waits,
        "step": draft.step,
        "subject": wording.subject if wording else None,
        "text": wording.text if wording else None,
        "html": wording.html if wording else None,
        "thread": draft.alert.thread if len(draft.told) == 1 else (draft.gathering or draft.id),
        "trace": draft.alert.trace,
        "sample": any(alert.sample for alert in draft.alerts),
        "request_id": draft.id,
        "attempts": 0,
        "created_at": world.now,
        "due_at": None if draft.reason else world.now,
        "retry_until": world.now + world.retry_for,
        "parts": draft.parts,
        "cost_dong": draft.cost_dong,
        "link_hash": links.hash_of(draft.id) if links else None,
    }


def _mention_rows(draft: Draft) -> Iterable[dict[str, Any]]:
    left_out: Mapping[UUID, Any] = {omission.alert.id: omission for omission in draft.omissions}
    for alert in draft.alerts:
        omission = left_out.get(alert.id)
        yield {
            "notice": draft.id,
            "alert": alert.id,
            "left_out": omission.why.code if omission else None,
            "because": omission.because if omission else None,
        }


def _escalation_rows(draft: Draft, world: World) -> Iterable[dict[str, Any]]:
    branch = world.tree.branches.get(draft.branch)
    if branch is None or not branch.escalate or draft.step:
        return
    for alert in draft.told:
        if opens(alert) and not alert.is_over:
            due_at = after_working_days(world.now, branch.escalate[0].after_working_days)
            yield {"alert": alert.id, "branch": branch.id, "step": 0, "since": world.now, "due_at": due_at}


def _endings(draft: Draft, now: datetime) -> Iterable[Message]:
    """What is said of a notice that ends before it is tried."""
    if draft.reason:
        event = AlertEvent.FAILED if draft.told else AlertEvent.WITHHELD
        for alert in draft.told or draft.alerts:
            yield _entry(
                alert,
                event,
                now,
                cause=draft.id,
                notice=draft.id,
                recipient=str(draft.recipient),
                channel=draft.channel,
                detail=draft.reason.value.en,
            )


def _entry(alert: Alert, event: AlertEvent, now: datetime, cause: object = None, **more: Any) -> Message:
    return log_message(alert.id, alert.occasion.unit.code, event, now, alert.trace, cause or alert.id, **more)
