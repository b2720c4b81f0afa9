"""The stage that leaves out alerts that somebody has silenced."""

from __future__ import annotations

from collections.abc import Sequence

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.alerts.silence_given import SilenceEvent
from services.notify.routing.matching import criteria, matches
from services.notify.routing.silenced_units import is_meant
from services.notify.world import Silence, World
from shared.reference.units import Units


def silence(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Leave out the alerts that a silence covers. Systems that subscribed hear of everything.

    A silence means the units and offices that have its codes on the day on which it is given: it ends with them, and
    does not hold for those that come after them. One that is not a coordinator's holds for the offices of its author's
    key, and never for what has climbed to them because nobody took care of it. That a coordinator silences them, people
    always hear. Notify tells what is still news when the silence ends (`tell_silenced`).
    """
    if not world.silences:
        return drafts
    return [draft if draft.channel == "webhook" else draft.without(_silenced(draft, world)) for draft in drafts]


def _silenced(draft: Draft, world: World) -> Sequence[Omission]:
    silenceable = (alert for alert in draft.told if alert.event is not SilenceEvent.GIVEN)
    covered = ((alert, _covering(alert, draft, world)) for alert in silenceable)
    return [Omission(alert, LeftOut.SILENCED, covering.id) for alert, covering in covered if covering]


def _covering(alert: Alert, draft: Draft, world: World) -> Silence | None:
    reference = world.of(alert).reference
    for candidate in world.silences:
        is_about = matches(candidate.match, alert, reference) and _means(candidate, alert, reference.units)
        if is_about and _is_for(candidate, alert, draft, world):
            return candidate
    return None


def _means(candidate: Silence, alert: Alert, units: Units) -> bool:
    """Say whether the silence means the unit of the alert, or one above it, by a code that it names."""
    places = (alert.unit, *units.ancestors(alert.unit))
    named = candidate.match.under
    return named is None or any(
        place.code in named and is_meant(place, candidate.given_on, alert.on, units) for place in places
    )


def _is_for(candidate: Silence, alert: Alert, draft: Draft, world: World) -> bool:
    """Say whether the silence holds for the draft's recipient, and its author may keep the alert from that one."""
    recipient, units = draft.recipient, world.reference.units
    is_named = candidate.recipient is not None or candidate.own is not None
    if is_named and recipient and not is_meant(recipient.unit, candidate.given_on, alert.on, units):
        return False
    if candidate.recipient not in (None, str(recipient)):
        return False
    if candidate.own is None:
        return True
    about = criteria(alert, world.of(alert).reference.plan)
    return (
        not draft.step
        and recipient is not None
        and recipient.role is not None
        and candidate.own.is_own(recipient.role, recipient.unit)
        and candidate.own.covers(about)
    )
