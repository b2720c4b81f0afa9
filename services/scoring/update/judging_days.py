"""The days of a judgement: the day at which a unit is judged, and the day until which the verdict holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.scoring.judging.changes import Moment
from shared.reference.models import Unit


def moment_to_judge(unit: Unit, last_judged: date | None, moment: Moment) -> Moment:
    """Return the moment at which to judge a unit: never before the last judgement, nor after the unit's last day.

    Another worker's clock may be ahead, so the last judgement may be of a later day.
    """
    on = unit.last_day(max(moment.on, last_judged) if last_judged else moment.on)
    return moment if on == moment.on else replace(moment, on=on)


def last_day_held(unit: Unit, holds_until: date | None) -> date | None:
    """Return the last day on which a verdict holds by itself; None: for ever, as it does on a unit's last day."""
    return None if holds_until is None or (unit.valid_to and holds_until >= unit.valid_to) else holds_until
