"""The figures of a unit that are in force one after the other: how they age, and which of them a sum counts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from services.scoring.judging.increments import NO_CHANGE, ZERO, Increment, Levels
from services.scoring.judging.observations import Observation, Reported
from shared.contracts.period import Period
from shared.reference.freshness import NEVER, Age, oldest
from shared.reference.series import Series

_day_of = itemgetter(0)


class FigureInForce(NamedTuple):
    """The newest figures of a unit from a day on, and their age."""

    day: date
    numerator: Decimal
    denominator: Decimal
    age: Age
    counts: bool = True
    """False: nothing can be calculated from them."""


def series_apart(
    figures: Sequence[FigureInForce], reported: Sequence[Observation | Reported], series: Sequence[Series]
) -> list[FigureInForce]:
    """Return the figures on the days on which a sum is of their series; without any, none is counted from such a day.

    A figure that becomes known when the sum has gone over to the next series no longer counts. `reported`: the
    values of the figures, one for each.
    """
    apart: list[FigureInForce] = []
    for figure, one in zip(figures, reported, strict=True):
        place = place_of_period(one.period, series)
        day = max(figure.day, series[place - 1].begins) if place else figure.day
        if place == len(series) or day < series[place].begins:
            apart.append(figure._replace(day=day))
    for each in series:
        if not any(figure.day == each.begins for figure in apart):
            apart.append(FigureInForce(each.begins, ZERO, ZERO, Age(), counts=False))
    return sorted(apart, key=_day_of)


def place_of_period(period: Period, series: Sequence[Series]) -> int:
    """Return the number of breaks by the end of a period."""
    return sum(each.after.valid_from <= period.end for each in series)


def aged(figures: Sequence[FigureInForce], level_at: Callable[[FigureInForce, bool, bool], Increment]) -> Levels:
    """Return the amounts of figures in force one after the other, and how they age until the next ones come.

    `level_at`: what a figure adds, by whether no newer report is due, and whether it is stale.
    """
    levels: Levels = []
    for place, figure in enumerate(figures):
        begins, (outdated, stale) = figure.day, figure.age
        if not figure.counts:
            levels.append((begins, NO_CHANGE))
            continue
        levels.append((begins, level_at(figure, begins < outdated, begins >= stale)))
        end = figures[place + 1].day if place + 1 < len(figures) else NEVER
        for day in sorted((outdated, stale)):
            if begins < day < end:
                levels.append((day, level_at(figure, day < outdated, day >= stale)))
    return levels


def together(day: date, figures: Sequence[FigureInForce]) -> FigureInForce:
    """Return the figures of several measures as one: whether all hold, as old as the oldest."""
    return FigureInForce(
        day,
        min([figure.numerator for figure in figures]),
        ZERO,
        oldest([figure.age for figure in figures]),
        all(figure.counts for figure in figures),
    )


def value_at(track: Sequence[FigureInForce], day: date) -> FigureInForce:
    """Return the figures that are in force on a day, which is none before the first one's."""
    newest = track[-1]
    return newest if newest.day <= day else track[bisect_right(track, day, key=_day_of) - 1]
