"""The days of a judgement: the day at which a unit is judged, and the day until which the verdict holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from services.scoring.judging.changes import Moment
from shared.reference.models import Unit


def moment_to_judge(unit: Unit, last_judged: date | None, moment: Moment) -> Moment:
    """Return the moment at which to judge a unit: never before the last judgement, nor after the unit's last day.

    Another worker's clock may be ahead, so the last judgement may be of a later day.
    """
    on = unit.last_day(max(moment.on, last_judged) if last_judged else moment.on)
    return moment if on == moment.on else replace(moment, on=on)


class Standing(Protocol):
    """A verdict as it stands: since when, when it was judged, and the last day on which it holds by itself."""

    @property
    def since(self) -> date: ...

    @property
    def judged_on(self) -> date: ...

    @property
    def holds_until(self) -> date | None: ...


def held_before(verdict: Standing, day: date) -> bool:
    """Say whether a verdict had stood for a while when a day began."""
    eve = day - timedelta(days=1)
    return verdict.since <= eve and (verdict.holds_until is None or eve <= max(verdict.judged_on, verdict.holds_until))


def last_day_held(unit: Unit, holds_until: date | None) -> date | None:
    """Return the last day on which a verdict holds by itself; None: for ever, as it does on a unit's last day."""
    return None if holds_until is None or (unit.valid_to and holds_until >= unit.valid_to) else holds_until
