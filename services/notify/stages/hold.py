"""The stage that holds drafts: for the group's wait, until quiet hours end, or until the recipient's digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from services.notify.alerts.draft import Draft
from services.notify.world import World
from shared.reference.models import Contact
from shared.time import VIETNAM

DIGEST_AT = time(7, 30)
"""The time of day of digests in Vietnam: every day, or on Mondays."""
QUIET_SMS = (time(21), time(7))
"""The quiet hours for SMS that are not urgent, of contacts who have not set their own."""


def hold(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Set the time at which each draft is due and the reason why it waits; drafts to be told at once have neither."""
    return [_hold(draft, world) for draft in drafts]


def _hold(draft: Draft, world: World) -> Draft:
    branch = world.branch_of(draft)
    if branch is None or branch.group is None or draft.gathering is None:
        return draft
    due, waits = world.now + branch.group.wait, "group"
    if draft.contact and draft.channel != "sms" and (digest := next_digest(draft.contact, world.now)):
        due, waits = digest, draft.contact.digest
    elif end := quiet_until(draft, due):
        due, waits = end, "quiet_hours"
    return replace(draft, due_at=world.now + (due - world.now) * world.wait_share, waits=waits)


def postponed(draft: Draft, world: World) -> datetime | None:
    """Return the time to which a draft due in quiet hours is postponed; None: now. Demonstrations do not postpone."""
    return quiet_until(draft, world.now) if world.wait_share >= 1 else None


def quiet_until(draft: Draft, moment: datetime) -> datetime | None:
    """Return the end of the recipient's quiet hours; None when the moment is outside them."""
    contact = draft.contact
    begins = contact.quiet_from if contact else None
    ends = contact.quiet_until if contact else None
    if begins is None or ends is None:
        if draft.channel != "sms":
            return None
        begins, ends = QUIET_SMS
    local = moment.astimezone(VIETNAM)
    for days in (-1, 0):
        start = datetime.combine(local.date() + timedelta(days=days), begins, VIETNAM)
        end = datetime.combine(start.date() + timedelta(days=ends <= begins), ends, VIETNAM)
        if start <= local < end:
            return end
    return None


def next_digest(contact: Contact, moment: datetime) -> datetime | None:
    """Return the time of the contact's next digest; None for contacts without digests."""
    if contact.digest == "none":
        return None
    local = moment.astimezone(VIETNAM)
    day = local.date() if local.time() < DIGEST_AT else local.date() + timedelta(days=1)
    if contact.digest == "weekly":
        day += timedelta(days=-day.weekday() % 7)
    return datetime.combine(day, DIGEST_AT, VIETNAM)
