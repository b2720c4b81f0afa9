"""The stage that leaves out alerts of whose cause the recipient was told already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Omission
from services.notify.routing import matching
from services.notify.routing.matching import matches
from services.notify.world import World
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Inhibition


def inhibit(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Leave out alerts that an open cause hides, where the recipient was told of the cause or the draft tells it."""
    if not world.reference.plan.inhibitions:
        return drafts
    return [draft.without(list(_hidden(draft, world))) if draft.gathering else draft for draft in drafts]


def _hidden(draft: Draft, world: World) -> Sequence[Omission]:
    causes = [cause.alert for cause in world.causes if str(draft.recipient) in cause.told]
    hidden = ((alert, _cause_of(alert, [*causes, *draft.told], world.reference)) for alert in draft.told)
    return [Omission(alert, LeftOut.INHIBITED, cause) for alert, cause in hidden if cause]


def may_be_hidden(alert: Alert, reference: Reference) -> bool:
    """Say whether any inhibition may hide the alert, so that its causes have to be read."""
    return any(matches(rule.hides, alert, reference) for rule in reference.plan.inhibitions)


def _cause_of(alert: Alert, causes: Sequence[Alert], reference: Reference) -> UUID | None:
    for rule in reference.plan.inhibitions:
        if matches(rule.hides, alert, reference):
            for cause in causes:
                if (
                    cause.id != alert.id
                    and _is_of_one_plan(alert, cause)
                    and matches(rule.cause, cause, reference)
                    and _agree(rule, alert, cause, reference)
                    and _still_hides(rule, alert, cause, reference)
                ):
                    return cause.id
    return None


def _is_of_one_plan(alert: Alert, cause: Alert) -> bool:
    """Say whether no other plan's verdict is the cause: last year's shortfall hides nothing of this year."""
    plans = [
        change.plan for change in (alert.occasion, cause.occasion) if isinstance(change, StatusChanged | TargetChanged)
    ]
    return len(set(plans) - {None}) < 2


def _still_hides(rule: Inhibition, alert: Alert, cause: Alert, reference: Reference) -> bool:
    """Say whether the cause hides the alert by its age, and by the criterion to which its reporter limited it."""
    if rule.days is not None and alert.on >= cause.on + timedelta(days=rule.days):
        return False
    limited_to = cause.occasion.criterion if isinstance(cause.occasion, DifficultyLogged) else None
    return limited_to is None or matching.criterion(alert, reference.plan) == limited_to


def _agree(rule: Inhibition, alert: Alert, cause: Alert, reference: Reference) -> bool:
    """Say whether alert and cause agree in everything that the inhibition names in `same`."""

    def agree_in(property_name: str) -> bool:
        match property_name:
            case "unit":
                return alert.unit.key == cause.unit.key
            case "district":
                return alert.district is not None and alert.district == cause.district
            case _:
                return matching.criterion(alert, reference.plan) == matching.criterion(cause, reference.plan)

    return all(agree_in(property_name) for property_name in rule.same)
