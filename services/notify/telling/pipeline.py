"""The stages in their order, and the one place where they are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.notify.alerts.draft import Draft
from services.notify.telling.hand_over import Handover
from services.notify.telling.world_reader import WorldReader
from services.notify.world import Stage, World


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages in order, those that an alert passes when it comes and those that a draft passes when it is told, and
    what they know. `handover`: where what is due at once may be left by the transaction that is under way.
    """

    arriving: Sequence[Stage]
    telling: Sequence[Stage]
    world_reader: WorldReader
    handover: Handover | None = None


def pass_stages(drafts: Sequence[Draft], stages: Sequence[Stage], world: World) -> Sequence[Draft]:
    """Return the drafts as the last stage leaves them."""
    for stage in stages:
        drafts = stage(drafts, world)

    return drafts
