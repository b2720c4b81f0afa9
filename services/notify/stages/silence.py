"""What is not told for now, because somebody said so."""

from __future__ import annotations

from collections.abc import Sequence

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.routing.matching import matches
from services.notify.world import Silence, World


def silence(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Drafts without what a silence covers. Systems that subscribed hear of everything."""
    if not world.silences:
        return drafts
    return [draft if draft.channel == "webhook" else draft.without(_silenced(draft, world)) for draft in drafts]


def _silenced(draft: Draft, world: World) -> Sequence[Omission]:
    found = ((alert, _covering(alert, draft, world)) for alert in draft.told)
    return [Omission(alert, LeftOut.SILENCED, one.id) for alert, one in found if one]


def _covering(alert: Alert, draft: Draft, world: World) -> Silence | None:
    return next(
        (
            one
            for one in world.silences
            if (one.recipient is None or one.recipient == str(draft.recipient))
            and matches(one.match, alert, world.reference)
        ),
        None,
    )
