"""The stage that leaves out alerts that somebody has silenced."""

from __future__ import annotations

from collections.abc import Sequence

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.routing.matching import matches
from services.notify.world import Silence, World


def silence(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Leave out the alerts that a silence covers. Systems that subscribed hear of everything.

    Notify tells what is still news when the silence ends (`tell_silenced`).
    """
    if not world.silences:
        return drafts
    return [draft if draft.channel == "webhook" else draft.without(_silenced(draft, world)) for draft in drafts]


def _silenced(draft: Draft, world: World) -> Sequence[Omission]:
    covered = ((alert, _covering(alert, draft, world)) for alert in draft.told)
    return [Omission(alert, LeftOut.SILENCED, covering.id) for alert, covering in covered if covering]


def _covering(alert: Alert, draft: Draft, world: World) -> Silence | None:
    for candidate in world.silences:
        is_for_recipient = candidate.recipient is None or candidate.recipient == str(draft.recipient)
        if is_for_recipient and matches(candidate.match, alert, world.of(alert).reference):
            return candidate
    return None
