"""What a cause hides: who was told why is not told of each thing that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.routing import matching
from services.notify.routing.matching import matches
from services.notify.world import World
from shared.reference.load import Reference
from shared.reference.models import Inhibition


def inhibit(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Drafts without what an open cause hides of which their recipient was told, or is told by the same draft."""
    if not world.reference.plan.inhibitions:
        return drafts
    return [draft.without(list(_hidden(draft, world))) if draft.gathering else draft for draft in drafts]


def _hidden(draft: Draft, world: World) -> Sequence[Omission]:
    causes = [cause.alert for cause in world.causes if str(draft.recipient) in cause.told]
    found = ((alert, _cause_of(alert, [*causes, *draft.told], world.reference)) for alert in draft.told)
    return [Omission(alert, LeftOut.INHIBITED, cause) for alert, cause in found if cause]


def may_be_hidden(alert: Alert, reference: Reference) -> bool:
    """Whether any rule hides such an alert, so that its causes have to be known."""
    return any(matches(rule.hides, alert, reference) for rule in reference.plan.inhibitions)


def _cause_of(alert: Alert, causes: Sequence[Alert], reference: Reference) -> UUID | None:
    for rule in reference.plan.inhibitions:
        if matches(rule.hides, alert, reference):
            for cause in causes:
                if (
                    cause.id != alert.id
                    and matches(rule.cause, cause, reference)
                    and _same(rule, alert, cause, reference)
                ):
                    return cause.id
    return None


def _same(rule: Inhibition, alert: Alert, cause: Alert, reference: Reference) -> bool:
    def shared(what: str) -> bool:
        match what:
            case "unit":
                return alert.unit.key == cause.unit.key
            case "district":
                return alert.district is not None and alert.district == cause.district
            case _:
                return matching.criterion(alert, reference.plan) == matching.criterion(cause, reference.plan)

    return all(shared(what) for what in rule.same)
