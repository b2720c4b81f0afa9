"""The use case of sending a notice again."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft
from services.notify.alerts.notice import NoticeStatus
from services.notify.stages.route import addresses_of
from services.notify.storage.alert_rows import kept_alert
from services.notify.storage.alerts import alerts_of_notice
from services.notify.storage.notices import NoticeAgain, StoredNotice, send_notice_again
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.recipients import recipient_of
from services.notify.telling.tell import tell_now


async def resend(
    connection: AsyncConnection, notice: StoredNotice, pipeline: Pipeline, now: datetime, agency: str
) -> bool:
    """Make a notice due again for `agency`, which asked for it.

    A notice without an address goes to the addresses that became known since; returns False when none is known yet.
    """
    world = await pipeline.world_reader.world(connection, now)
    rows = await alerts_of_notice(connection, notice.id)
    alerts = tuple(kept_alert(row.alert, world.reference) for row in rows)
    recipient = recipient_of(notice.recipient, alerts[-1], world)
    drafts = [
        Draft(alerts, notice.branch, recipient, notice.channel, address, contact, notice.step)
        for contact in world.contacts_of(recipient)
        for address in addresses_of(contact, notice.channel)
        if address != notice.address
    ]
    added = await tell_now(connection, drafts, pipeline, world) if not notice.address else []
    if notice.address and notice.text is not None:
        again: NoticeAgain = {
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
