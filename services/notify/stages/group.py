"""The stage that joins alerts of a branch for the same recipient, by the same channel, at the same address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.notify.alerts.draft import Draft
from services.notify.world import World
from shared.stable_id import stable_id


def group(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Join drafts for the same address where their branch groups. Urgent branches and webhooks group nothing."""
    joined: dict[object, Draft] = {}
    for draft in drafts:
        gathering = gathering_of(draft, world)
        if gathering is None:
            joined[draft.id] = draft
            continue
        before = joined.get(gathering)
        alerts = {alert.id: alert for alert in (*(before.alerts if before else ()), *draft.alerts)}
        joined[gathering] = replace(
            draft,
            alerts=tuple(sorted(alerts.values(), key=lambda alert: (alert.occasion.at, str(alert.id)))),
            gathering=gathering,
            step=max(draft.step, before.step) if before else draft.step,
        )
    return list(joined.values())


def gathering_of(draft: Draft, world: World) -> UUID | None:
    """Return the id of the draft's gathering: for its recipient, channel and address, of its branch or of all branches
    that gather together. None where the branch gathers nothing.

    What has climbed is told apart from what the recipient is told first.
    """
    branch = world.branch_of(draft)
    if branch is None or branch.group is None or branch.urgent:
        return None
    together = None if draft.step else branch.group.together
    return stable_id(together or draft.branch, draft.recipient, draft.channel, draft.address)
