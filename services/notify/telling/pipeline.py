"""The stages in their order, and the only function that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from services.notify.alerts.draft import Draft
from services.notify.telling.hand_over import Handover
from services.notify.telling.world_reader import WorldReader
from services.notify.world import Stage, World

DRAFTS = Counter("ntm_stage_drafts", "Drafts that left a stage", ["stage"])


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages in order, and the reader of the world that they know.

    `arriving`: the stages that an alert passes on arrival. `telling`: the stages that a draft passes when it is told.
    `handover`: takes the notices of the current transaction that are due at once.
    """

    arriving: Sequence[Stage]
    telling: Sequence[Stage]
    world_reader: WorldReader
    handover: Handover | None = None


def pass_stages(drafts: Sequence[Draft], stages: Sequence[Stage], world: World) -> Sequence[Draft]:
    """Return the drafts as the last stage leaves them, and count for each stage the drafts that leave it."""
    for stage in stages:
        drafts = stage(drafts, world)
        DRAFTS.labels(stage.__name__).inc(len(drafts))
    return drafts
