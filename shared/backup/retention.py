"""The choice of the backups that a directory keeps, and the time of the next one (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from shared.time import VIETNAM

_NAME = re.compile(r"ntm-(\d{8}T\d{6})Z\.backup")
_WRITTEN = "%Y%m%dT%H%M%S"
_CLOCK_DIFFERENCE = timedelta(hours=1)
"""Clocks of two machines that write into one directory may differ so much. Ours."""


class Retention(NamedTuple):
    """The days, weeks and months of which the newest backup is kept. Our own choice: no paper says it."""

    days: int = 7
    weeks: int = 4
    months: int = 12


def name_at(moment: datetime) -> str:
    """Return the name of a backup that is made at this moment."""
    return f"ntm-{moment.astimezone(UTC):{_WRITTEN}}Z.backup"


def made_at(name: str) -> datetime | None:
    """Return the moment at which the backup with this name was made; None where it is no name of a backup."""
    found = _NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], _WRITTEN).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def newest(names: Iterable[str], now: datetime) -> datetime | None:
    """Return the moment of the newest of these backups; one of a day to come was made by a clock that was wrong."""
    return max((made for name in names if (made := made_at(name)) and not _is_to_come(made, now)), default=None)


def _is_to_come(made: datetime, now: datetime) -> bool:
    return made > now + _CLOCK_DIFFERENCE


def superfluous(names: Iterable[str], kept: Retention, now: datetime) -> list[str]:
    """Return the backups that are kept no longer, oldest first.

    Never the newest, nor a file with another name; one of a day to come stays, and counts for none of today's.
    """
    dated = sorted(
        ((made, name) for name in names if (made := made_at(name)) and not _is_to_come(made, now)), reverse=True
    )
    spans: Sequence[tuple[int, Callable[[datetime], object]]] = (
        (kept.days, lambda day: day.date()),
        (kept.weeks, lambda day: day.isocalendar()[:2]),
        (kept.months, lambda day: (day.year, day.month)),
    )
    keeps = {name for _, name in dated[:1]}
    for number, span_of in spans:
        newest_of: dict[object, str] = {}
        for made, name in dated:
            newest_of.setdefault(span_of(made.astimezone(VIETNAM)), name)
        keeps.update(list(newest_of.values())[:number])
    return [name for _, name in reversed(dated) if name not in keeps]


def due_after(last: datetime | None, now: datetime, at: time) -> datetime:
    """Return when the next backup is due, every day at this time in Vietnam; one that was missed is due now."""
    today = datetime.combine(now.astimezone(VIETNAM).date(), at, VIETNAM)
    due_last = today if today <= now else today - timedelta(days=1)
    return due_last + timedelta(days=1) if last is not None and last >= due_last else now


def is_too_old(last: datetime | None, watched_since: datetime, now: datetime, longest: timedelta) -> bool:
    """Say whether the newest backup is older than it may be; where there is none, since it was first looked for."""
    return now - (last or watched_since) > longest
