"""When it is told: after the group's wait, outside quiet hours, or at the time of the recipient's digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from services.notify.alerts.draft import Draft
from services.notify.world import World
from shared.reference.models import Contact
from shared.time import VIETNAM

DIGEST_AT = time(7, 30)
"""When digests are told, in Vietnam: every day, or on Mondays."""
QUIET_SMS = (time(21), time(7))
"""When no SMS comes that is not urgent, to those who have said nothing else."""


def hold(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Drafts with the time at which they are due and what they wait for; none where they are told at once."""
    return [_hold(draft, world) for draft in drafts]


def _hold(draft: Draft, world: World) -> Draft:
    branch = world.tree.branches.get(draft.branch)
    if branch is None or branch.group is None or draft.gathering is None:
        return draft
    due, waits = world.now + branch.group.wait, "group"
    if draft.contact and draft.channel != "sms" and (digest := next_digest(draft.contact, world.now)):
        due, waits = digest, draft.contact.digest
    elif end := quiet_until(draft, due):
        due, waits = end, "quiet_hours"
    return replace(draft, due_at=world.now + (due - world.now) * world.wait_share, waits=waits)


def postponed(draft: Draft, world: World) -> datetime | None:
    """When to tell instead what has become due within quiet hours; None: now. Demonstrations do not postpone."""
    return quiet_until(draft, world.now) if world.wait_share >= 1 else None


def quiet_until(draft: Draft, moment: datetime) -> datetime | None:
    """The end of the recipient's quiet hours, where the moment falls into them."""
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
    """When the contact's next digest is told; None for those who want none."""
    if contact.digest == "none":
        return None
    local = moment.astimezone(VIETNAM)
    day = local.date() if local.time() < DIGEST_AT else local.date() + timedelta(days=1)
    if contact.digest == "weekly":
        day += timedelta(days=-day.weekday() % 7)
    return datetime.combine(day, DIGEST_AT, VIETNAM)
