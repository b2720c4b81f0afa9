"""Drafts as rows of the database, and as entries of the log of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut
from services.notify.alerts.log import log_message
from services.notify.alerts.significance import has_link, opens
from services.notify.routing.tree import escalations, taking
from services.notify.stages.route import recipients
from services.notify.storage.escalations import NewEscalation
from services.notify.storage.notices import MentionValues, StoredNotice
from services.notify.world import World
from shared.contracts.alert import AlertEvent
from shared.nats.cloud_events import Message
from shared.reference.models import Branch
from shared.working_days import after_working_days


def notice_row(draft: Draft, world: World) -> StoredNotice:
    """Return the row of the notice that a draft becomes. The row's wording lacks the recipient's link."""
    wording, links = draft.wording, world.links if has_link(draft) else None
    if wording and links:
        wording = links.without(wording, draft.id)
    assert draft.recipient  # noqa: S101 - route has given the draft a recipient
    return StoredNotice(
        id=draft.id,
        branch=draft.branch,
        gathering=draft.gathering,
        subscription=draft.recipient.subscription,
        recipient=str(draft.recipient),
        unit=draft.recipient.unit.key,
        unit_code=draft.alert.occasion.unit.code,
        name=draft.name,
        channel=draft.channel,
        address=draft.address,
        language=draft.language,
        status=draft.status.value,
        reason=draft.reason.code if draft.reason else None,
        waited=draft.waits,
        step=draft.step,
        subject=wording.subject if wording else None,
        text=wording.text if wording else None,
        html=wording.html if wording else None,
        thread=draft.alert.thread if len(draft.told) == 1 else (draft.gathering or draft.id),
        trace=draft.alert.trace,
        sample=any(alert.sample for alert in draft.alerts),
        request_id=draft.id,
        attempts=0,
        created_at=world.moment,
        made_at=world.now,
        due_at=None if draft.reason else world.now,
        retry_until=world.now + world.retry_for,
        parts=draft.parts,
        cost_dong=draft.cost_dong,
        link_hash=links.hash_of(draft.id) if links else None,
    )


def mention_rows(draft: Draft) -> Iterable[MentionValues]:
    """Yield a row for each alert of a notice, which the notice tells, or leaves out for a reason."""
    left_out = {omission.alert.id: omission for omission in draft.omissions}
    for alert in draft.alerts:
        omission = left_out.get(alert.id)
        yield {
            "notice": draft.id,
            "alert": alert.id,
            "left_out": omission.why.code if omission else None,
            "because": omission.because if omission else None,
        }


def escalation_rows(draft: Draft, world: World) -> Iterable[NewEscalation]:
    """Yield a row for each open alert of a draft that climbs to the next role unless somebody acknowledges it.

    It climbs also where the recipient silenced it for itself: those above hear of it as if it had been told.
    """
    if draft.step:
        return
    own = {silence.id for silence in world.silences if silence.own}
    silenced = [
        omission.alert for omission in draft.omissions if omission.why is LeftOut.SILENCED and omission.because in own
    ]
    for alert in (*draft.told, *silenced):
        if not opens(alert) or alert.is_over:
            continue
        for branch in _told_by(draft, alert, world):
            if climbs := escalations(branch, alert):
                due_at = after_working_days(world.now, climbs[0].after_working_days)
                yield {"alert": alert.id, "branch": branch.id, "step": 0, "since": world.now, "due_at": due_at}


def _told_by(draft: Draft, alert: Alert, world: World) -> Sequence[Branch]:
    """Return the branches by which a notice tells an alert: the draft's, or those of them that gather together."""
    branch = world.branch_of(draft)
    if branch is None or branch.group is None or branch.group.together is None:
        return [branch] if branch else []
    return [
        other
        for other in taking(world.of(alert).tree, alert, world.of(alert).reference)
        if other.group
        and other.group.together == branch.group.together
        and draft.channel in (*other.channels, *other.on_request)
        and draft.recipient in recipients(alert, other, world)
    ]


def log_entries_of_unsent(draft: Draft, now: datetime) -> Iterable[Message]:
    """Yield the log's entries about a notice that notify withholds or cannot send."""
    if draft.reason:
        event = AlertEvent.FAILED if draft.told else AlertEvent.WITHHELD
        for alert in draft.told or draft.alerts:
            yield log_entry(
                alert,
                event,
                now,
                cause=draft.id,
                notice=draft.id,
                recipient=str(draft.recipient),
                channel=draft.channel,
                detail=draft.reason.value.en,
            )


def log_entry(alert: Alert, event: AlertEvent, now: datetime, cause: object = None, **more: Any) -> Message:
    """Return an entry of the log about an alert, caused by the alert itself unless a cause is given."""
    return log_message(alert.id, alert.occasion.unit.code, event, now, alert.trace, cause or alert.id, **more)
