"""Whether a report is to be reminded of on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from shared.reference.load import Reference
from shared.reference.models import Due
from shared.working_days import before_working_days

_SETTLED_FOR = timedelta(days=31)
"""The time after a report's last day for which is said that nobody is to be reminded of it any more."""

type Standing = Literal["soon", "past"]


def standing(due: Due, on: date, working_days: int) -> Standing | None:
    """Say whether a report is soon due, or was until a while ago; None of all others."""
    if before_working_days(due.by, working_days) <= on <= due.by:
        return "soon"
    return "past" if due.by < on <= due.by + _SETTLED_FOR else None


def any_stands(reference: Reference, on: date, working_days: int) -> bool:
    """Say whether any report of the calendar is soon due, or was until a while ago."""
    return any(standing(due, on, working_days) for due in _dues(reference))


def _dues(reference: Reference) -> Iterable[Due]:
    return (due for report in reference.calendar for due in report.due_in(reference.plan.year))
