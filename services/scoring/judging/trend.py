"""The trend of the figures, and the day on which it reaches the goal.

The speed is the Theil-Sen estimate: the median of the slopes between all pairs of points, which single outliers do not
change. Its uncertainty is Sen's interval of the slope at 90 % (Gilbert 1987, 16.5: the variance of Kendall's S,
corrected for ties). The trend starts at the newest value and goes on at the speed of the year so far.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from statistics import NormalDist, median

from services.scoring.judging.observations import Observation, reported_in
from services.scoring.judging.path import Point
from services.scoring.judging.verdict import Verdict
from shared.contracts.assessment import Projection
from shared.contracts.status import Status

_FEWEST_POINTS = 4
_Z = NormalDist().inv_cdf(0.95)
_HORIZON_DAYS = 3650
"""Ten years: a goal further away counts as never reached."""


def project(verdict: Verdict) -> Projection | None:
    """Return when the trend reaches the goal; None with nothing to reach, or with values in fewer than four months."""
    requirement = verdict.requirement
    if verdict.status == Status.MET or requirement.ceiling or not requirement.has_path:
        return None
    if (short := verdict.short) is None or len(reported_in(verdict.seen)) < _FEWEST_POINTS - 1:  # and the baseline
        return None
    points = _monthly(verdict.baseline, verdict.seen)
    if len(points) < _FEWEST_POINTS:
        return None
    speeds = [speed if requirement.direction == "at_least" else -speed for speed in _speeds(points)]
    slowest, typical, fastest = _interval(sorted(speeds), points)
    newest = points[-1].on

    def reached(speed: float) -> date | None:
        days = math.ceil(float(short) / speed) if speed > 0 else _HORIZON_DAYS + 1
        return max(verdict.on, newest + timedelta(days=days)) if days <= _HORIZON_DAYS else None

    on, deadline = reached(typical), requirement.deadline
    return Projection(
        on=on,
        earliest=reached(fastest),
        latest=reached(slowest),
        in_time=None if deadline is None else on is not None and on <= deadline,
    )


def _monthly(baseline: Point | None, seen: Sequence[Observation]) -> list[Point]:
    """Return the last value of each month, from the baseline on: sums move with every report, which is no trend."""
    points = [Point(min(each.period.end, each.effective), each.value) for each in seen if each.has_value]
    if baseline is not None:
        points = [baseline, *(point for point in points if point.on > baseline.on)]
    return list({(point.on.year, point.on.month): point for point in points}.values())


def _speeds(points: Sequence[Point]) -> list[float]:
    """Return the slopes per day between all pairs of points."""
    return [
        _difference(later.value, earlier.value) / (later.on - earlier.on).days
        for earlier, later in combinations(points, 2)
    ]


def _difference(later: Fraction, earlier: Fraction) -> float:
    """Return the exact difference, rounded once; made of whole numbers, for fractions are reduced at every step."""
    (above, by), (below, of) = later.as_integer_ratio(), earlier.as_integer_ratio()
    return (above * of - below * by) / (by * of)


def _interval(speeds: Sequence[float], points: Sequence[Point]) -> tuple[float, float, float]:
    """Return the lower limit, the median and the upper limit of sorted slopes."""
    ties = Counter(point.value for point in points).values()
    variance = (_kendall(len(points)) - sum(_kendall(tied) for tied in ties)) / 18
    reach = _Z * math.sqrt(max(variance, 0))
    lower = max(round((len(speeds) - reach) / 2) - 1, 0)
    upper = min(round((len(speeds) + reach) / 2), len(speeds) - 1)
    return speeds[lower], median(speeds), speeds[upper]


def _kendall(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)
