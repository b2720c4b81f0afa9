"""The use case of sending a notice again."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft, NotSent
from services.notify.alerts.events import alert_of
from services.notify.alerts.notice import NoticeStatus
from services.notify.stages.route import addresses_of, why_unreachable
from services.notify.storage.alert_rows import kept_alert
from services.notify.storage.alerts import alerts_of_notice
from services.notify.storage.ledger import LATELY, was_sent_lately
from services.notify.storage.notices import NoticeAgain, StoredNotice, notices_among, send_notice_again
from services.notify.telling.budget import charge
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.recipients import recipient_of
from services.notify.telling.tell import tell, tell_now
from services.notify.world import World


async def resend(
    connection: AsyncConnection, notice: StoredNotice, pipeline: Pipeline, now: datetime, agency: str
) -> NotSent | None:
    """Make a notice due again for `agency`, which asked for it; return the reason where it cannot be sent.

    A notice without an address goes to the addresses that became known since; where it has gone there already, that
    notice is sent again, at most once a minute. An SMS is charged to the day's budget each time that it is sent.
    """
    world = await pipeline.world_reader.world(connection, now)
    rows = await alerts_of_notice(connection, notice.id)
    alerts = tuple(kept_alert(row.alert, world.reference) for row in rows)
    recipient = recipient_of(notice.recipient, alerts[-1], world)
    if notice.address:
        if notice.text is None:  # it was never worded, since nothing could be sent
            return NotSent[notice.reason.upper()] if notice.reason else NotSent.NOTHING_LEFT
        if notice.channel == "sms":
            cost = (notice.parts or 0) * world.tariff.part_dong
            note, is_borne = await charge(connection, recipient, notice.parts or 0, cost, world)
            if not is_borne:
                return NotSent.BUDGET_SPENT
            await tell(connection, [alert_of(note, world.reference)] if note else [], pipeline, now)
        await send_notice_again(connection, notice.id, _again(world, agency))
        return None
    drafts = [
        Draft(alerts, notice.branch, recipient, notice.channel, address, contact, notice.step)
        for contact in world.contacts_of(recipient)
        for address in addresses_of(contact, notice.channel, world)
    ]
    if not drafts:
        return why_unreachable(world.contacts_of(recipient), notice.channel)
    made = await notices_among(connection, {draft.id for draft in drafts})
    fresh = [draft for draft in drafts if draft.id not in {one.id for one in made}]
    reasons = [draft.reason for draft in await tell_now(connection, fresh, pipeline, world)]
    for one in made:
        is_recent = was_sent_lately(one, now) or one.created_at > world.moment - LATELY
        reasons.append(None if is_recent else await resend(connection, one, pipeline, now, agency))
    return None if None in reasons else reasons[0]


def _again(world: World, agency: str) -> NoticeAgain:
    return {
        "status": NoticeStatus.CREATED.value,
        "reason": None,
        "request_id": uuid4(),
        "due_at": world.now,
        "retry_until": world.now + world.retry_for,
        "resent_by": agency,
        "resent_at": world.now,
        "is_after_zalo": False,
    }
