"""The recipient that a row of the database names."""

from __future__ import annotations

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Recipient
from services.notify.alerts.offices import recipient_in
from services.notify.world import World


def recipient_of(text: str, alert: Alert, world: World) -> Recipient:
    """Return the recipient that a row names as `role@unit`, with its unit on the day of the alert.

    LookupError where the row names no unit, since it is damaged.
    """
    return recipient_in(text, alert.on, world.reference)
