"""Since when a status has held, as far as the stored verdict tells."""

from __future__ import annotations

from datetime import date, timedelta

from services.scoring.storage.statuses import StoredStatus
from services.scoring.storage.targets import StoredTarget
from shared.contracts.status import Status


def known_since(held: StoredStatus | StoredTarget | None, status: Status, on: date) -> date | None:
    """Return since when a status has held that is found on a day; None: the stored verdict does not tell.

    `held`: that verdict, where the days before are still judged as they were then.
    """
    if held is None:
        return None
    eve = on - timedelta(days=1)
    held_on_eve = held.since <= eve and (held.holds_until is None or eve <= max(held.judged_on, held.holds_until))
    if held_on_eve:
        return held.since if status == held.status else on
    return on if status == held.status and held.since == on else None
