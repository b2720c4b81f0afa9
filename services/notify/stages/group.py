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
        gathering = gathering_of(draft) if _is_grouped(draft, world) else None
        key = gathering or draft.id
        before = joined.get(key)
        alerts = {alert.id: alert for alert in (*(before.alerts if before else ()), *draft.alerts)}
        joined[key] = replace(
            draft,
            alerts=tuple(sorted(alerts.values(), key=lambda alert: (alert.occasion.at, str(alert.id)))),
            gathering=gathering,
            step=max(draft.step, before.step) if before else draft.step,
        )
    return list(joined.values())


def gathering_of(draft: Draft) -> UUID:
    """Return the id of the gathering for the draft's branch, recipient, channel and address."""
    return stable_id(draft.branch, draft.recipient, draft.channel, draft.address)


def _is_grouped(draft: Draft, world: World) -> bool:
    branch = world.branch_of(draft)
    return branch is not None and branch.group is not None and not branch.urgent
