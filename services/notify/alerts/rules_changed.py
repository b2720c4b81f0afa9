"""The event that all verdicts were judged again by another version of the rules."""

from __future__ import annotations

from enum import StrEnum


class RulesEvent(StrEnum):
    """The event. Readers of notify's API get it as `changed`, since the released list of events is closed."""

    CHANGED = "rules_changed"
