"""Breaks in the series of figures: since a break, what is counted is not comparable with what was counted before.

The term is that of statistics ("break in series" in SDMX). A figure belongs to a series by the end of its period.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from operator import itemgetter
from typing import NamedTuple

from shared.reference.models import Break


class Series(NamedTuple):
    """The series of figures that begins with a break."""

    begins: date
    """The end of a period from which on figures belong to it; for a sum of many units: the day from which on only such
    figures are summed."""
    after: Break


_begins_of = itemgetter(0)


def place_of(series: Sequence[Series], day: date) -> int:
    """Return the number of series, in their order, that begin by a day; 0: it is before the first break."""
    return bisect_right(series, day, key=_begins_of)
