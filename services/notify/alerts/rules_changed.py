"""The events that all verdicts were judged again: by another version of the rules, or in a rebuild of the state."""

from __future__ import annotations

from enum import StrEnum


class RulesEvent(StrEnum):
    """An event. Readers of notify's API get it as `changed`, since the released list of events is closed."""

    CHANGED = "rules_changed"
    REBUILT = "state_rebuilt"
