"""The stage that words the alerts that are left of each draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.notify.alerts.draft import Draft
from services.notify.wording.notice import word
from services.notify.world import World


def render(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """Word the drafts that can be sent and have something to tell."""
    return [
        draft if draft.not_sent or not draft.told else replace(draft, wording=word(draft, world)) for draft in drafts
    ]
