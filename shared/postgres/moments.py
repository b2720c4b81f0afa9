"""Days and moments of the database, which knows more of them than Python: before Christ, after 9999, infinity.

asyncpg reads infinity as the last day that Python knows and fails at the others, so that one damaged row would hide
all rows of its query. Here each of them is read as the first or the last one, and these are written as infinity. Of
moments these lie a year within what Python knows, so that no time zone and no span of days leads beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

_DAY_ZERO = date(2000, 1, 1).toordinal()
_MOMENT_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_FIRST_DAY, _LAST_DAY = date.min.toordinal() - _DAY_ZERO, date.max.toordinal() - _DAY_ZERO
_FIRST = (datetime.min.replace(tzinfo=UTC) + timedelta(days=366) - _MOMENT_ZERO) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - timedelta(days=366) - _MOMENT_ZERO) // _MICROSECOND

_INFINITE_DAYS, _INFINITE_MICROSECONDS = 2**31, 2**63


class Codec(NamedTuple):
    """How values of a type are read and written; on the wire they are counted from the year 2000 on."""

    typename: str
    decoder: Callable[[tuple[int]], Any]
    encoder: Callable[[Any], tuple[int]]


@lru_cache(4096)  # many rows have the same few days
def _read_day(stored: tuple[int]) -> date:
    return date.fromordinal(_DAY_ZERO + min(max(stored[0], _FIRST_DAY), _LAST_DAY))


def _write_day(day: date) -> tuple[int]:
    number = day.toordinal() - _DAY_ZERO
    if number <= _FIRST_DAY:
        return (-_INFINITE_DAYS,)
    return (number if number < _LAST_DAY else _INFINITE_DAYS - 1,)


@lru_cache(4096)  # a submission's readings all have its moment
def _read_moment(stored: tuple[int]) -> datetime:
    return _MOMENT_ZERO + timedelta(0, 0, min(max(stored[0], _FIRST), _LAST))


def _write_moment(moment: datetime) -> tuple[int]:
    number = (moment - _MOMENT_ZERO) // _MICROSECOND
    if number <= _FIRST:
        return (-_INFINITE_MICROSECONDS,)
    return (number if number < _LAST else _INFINITE_MICROSECONDS - 1,)


CODECS = (Codec("date", _read_day, _write_day), Codec("timestamptz", _read_moment, _write_moment))
"""For the two types that our tables have."""
