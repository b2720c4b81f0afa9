"""The written rules once more, in a few lines that share no code with the judge.

Decision 318/QĐ-TTg, criterion 11: at most 13 % of a commune's households are poor or near-poor. Of figures for one
period those of the highest (stage, revision) stand; of periods the newest one counts; what was withdrawn never does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from tests.faults.record import Acknowledged, Identity

CRITERION = "ntm-11"
LIMIT_PERCENT = 13
_STAGES = ("reported", "verified", "confirmed")


def standing(acknowledged: Iterable[Acknowledged], withdrawn: set[Identity]) -> dict[str, dict[str, int]]:
    """Return the figures that count for each commune."""
    best: dict[str, tuple[tuple[str, int, int], dict[str, int]]] = {}
    for one in acknowledged:
        unit, period, stage, revision = one.identity
        if one.identity in withdrawn:
            continue
        rank = (period, _STAGES.index(stage), revision)
        if unit not in best or rank > best[unit][0]:
            best[unit] = (rank, one.readings)
    return {unit: readings for unit, (_, readings) in best.items()}


def verdict(readings: Mapping[str, int] | None) -> str:
    """Return whether a commune with these figures meets criterion 11; no plan binds it."""
    if readings is None:
        return "no_data"
    poor = readings["poor_households"] + readings["near_poor_households"]
    return "met" if poor * 100 <= LIMIT_PERCENT * readings["households"] else "not_met"


def digest(item: Mapping[str, object]) -> str:
    """Return the digest of a submission by RFC 8785, without fields that have their default."""
    defaults = {"stage": "reported", "revision": 1, "source_ref": None, "confirmed": False}
    content = {name: value for name, value in item.items() if name not in defaults or defaults[name] != value}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "jcs:" + hashlib.sha256(text.encode()).hexdigest()
