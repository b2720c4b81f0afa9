"""The recipient that a row of the database names."""

from __future__ import annotations

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Recipient
from services.notify.world import World


def recipient_of(text: str, alert: Alert, world: World) -> Recipient:
    """The recipient that a row names."""
    role, _, code = text.partition("@")
    holder = next((one for one in world.reference.plan.roles if one.role == role), None)
    unit = world.reference.units.find(code, alert.on) or world.reference.units.known(code)[-1]
    return Recipient(holder, unit)
