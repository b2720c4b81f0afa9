"""The stage that holds drafts: for the group's wait, until quiet hours end, or until a digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from services.notify.alerts.draft import NEWS, Draft
from services.notify.world import World
from shared.reference.models import Grouping
from shared.reference.models.contact import Digest
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
    if digest := _digest_of(draft, branch.group):
        kind, waits = digest
        due = next_digest(kind, world.moment if world.is_simulated else world.now)
        if world.is_simulated:
            return replace(draft, due_at=due, waits=waits)
    elif world.wait_share >= 1 and (end := quiet_until(draft, due)):
        due, waits = end, "quiet_hours"
    return replace(draft, due_at=world.now + (due - world.now) * world.wait_share, waits=waits)


def _digest_of(draft: Draft, grouping: Grouping) -> tuple[Digest, str] | None:
    """Return the digest in which the recipient hears of the draft, and why it waits; None where it is told at once.

    News waits for the digest of its branch, all else for the digest that the contact asked for.
    """
    contact = draft.contact
    if grouping.digest and (contact is None or contact.news == "weekly"):
        return grouping.digest, NEWS
    if contact and contact.digest != "none" and draft.channel != "sms":
        return contact.digest, contact.digest
    return None


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


def next_digest(kind: Digest, moment: datetime) -> datetime:
    """Return the time of the next digest that is told every day, or every Monday."""
    local = moment.astimezone(VIETNAM)
    day = local.date() if local.time() < DIGEST_AT else local.date() + timedelta(days=1)
    if kind == "weekly":
        day += timedelta(days=-day.weekday() % 7)
    return datetime.combine(day, DIGEST_AT, VIETNAM)
