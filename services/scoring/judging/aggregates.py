"""Aggregates: the value of a district's or the province's commitment is the sum of its units' increments.

An increment says by how much a day changes the numerator, the denominator and the number of units with data. So a
changed unit changes an aggregate by the difference of its increments, and the aggregate at any day is a running sum.
Rates are never averaged: numerators and denominators are summed apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.scoring.judging import criteria_met
from services.scoring.judging.completeness import Expected, possible_values
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import NO_CHANGE, Increment, Increments, Sum
from services.scoring.judging.levels import counted_once
from services.scoring.judging.observations import Observation, Observations, exact, share
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriteriaMet, Rate, Total, Unit

_DAY = timedelta(days=1)


def increments_by_target(
    key: int, figures: Mapping[int, Figures], targets: Iterable[tuple[Commitment, Unit]], reference: Reference
) -> Iterator[tuple[tuple[str, int, date], Increment]]:
    """Yield a unit's increments for all targets that it contributes to, by commitment, target and day."""
    unit = reference.units.by_key(key)
    contributor = Contributor(reference, unit, figures[key], figures)
    for commitment, target in targets:
        if reference.contributes(unit, commitment, target):
            for day, increment in contributor.increments(commitment).items():
                yield (commitment.id, target.key, day), increment


def summed(
    targets: Iterable[tuple[Commitment, Unit]],
    figures: Mapping[int, Figures],
    reference: Reference,
    among: Collection[int] | None = None,
) -> dict[tuple[str, int], dict[date, Increment]]:
    """Return the summed increments by commitment and target.

    `figures`: by unit, of all units that may contribute to the targets, and of their successors. `among`: only these
    units contribute; by default all.
    """
    targets = list(targets)
    figures = counted_once(figures, reference)
    sums: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(lambda: defaultdict(Increment))
    for unit in figures if among is None else figures.keys() & among:
        for (commitment, target, day), increment in increments_by_target(unit, figures, targets, reference):
            sums[commitment, target][day] += increment
    return {key: dict(increments) for key, increments in sums.items()}


def series(
    commitment: Commitment, increments: Increments, baseline_date: date, expected: Expected
) -> list[Observation]:
    """Return the commitment's value over time from its summed increments.

    Where fewer reports or communes than the coverage are there, a sum says more about who has reported than about the
    facts: such a value knows between which values it may lie (`possible`).
    """
    return list(_values(commitment, Sum(increments, {}), baseline_date, expected))


def newest_of_series(
    commitment: Commitment, known: Sum, baseline_date: date, expected: Expected, path_from: date | None
) -> Observations:
    """Return of the values that `series` returns those that are known: the newest ones, and that of the path's base.

    `path_from`: a day after the baseline date before which no value leads the path. None: nobody knows one; then only
    the value on the baseline date is known to lead it, where there is one.
    """
    values = list(_values(commitment, known, baseline_date, expected))
    newest_from = max(known.added_up, default=date.min)
    newest = [value for value in values if value.effective >= newest_from]
    base = _base(values, newest_from, baseline_date, path_from)
    return Observations(newest, is_cut=bool(known.added_up), base=base)


def _base(
    values: Sequence[Observation], newest_from: date, baseline_date: date, path_from: date | None
) -> list[Observation] | None:
    """Return the value from which the path leads, if it comes before the newest ones; None: nobody knows."""
    by = path_from or baseline_date
    in_force = [value for value in values if value.effective <= by][-1:]
    base = [value for value in in_force if value.possible is None and value.has_value]
    if newest_from <= by:  # it is among them, as are all that follow
        return [] if base or path_from else None
    return base or None


def _values(commitment: Commitment, known: Sum, baseline_date: date, expected: Expected) -> Iterator[Observation]:
    increments = known.increments
    if not increments:
        return
    is_sum_over_year = isinstance(commitment.measure, Total)
    owed: defaultdict[date, int] = defaultdict(int)
    for due, count in expected.reports:
        day = due.by + _DAY
        # of a state only the newest report that was due is asked for: it stands for those before it
        owed[day] = owed[day] + count if is_sum_over_year else count
    days = {*increments, *owed, baseline_date + _DAY} if is_sum_over_year else {*increments, *owed}
    running, reports_due = Increment(), 0
    for day in sorted(days):
        running += increments.get(day, NO_CHANGE)
        if day in owed:
            reports_due = reports_due + owed[day] if is_sum_over_year else owed[day]
        if known.is_known_on(day) and (observation := _value_of(commitment, running, expected, reports_due, day)):
            yield observation


def _value_of(
    commitment: Commitment, running: Increment, expected: Expected, reports_due: int, day: date
) -> Observation | None:
    """Return a commitment's value on a day by its running sum; None where there is none yet."""
    if isinstance(commitment.measure, CriteriaMet):
        return criteria_met.observation_of(commitment.measure, running, expected, day)
    compared = _comparison_of(running, expected) if commitment.is_compared else None
    numerator, denominator = (compared or running).numerator, (compared or running).denominator
    value = _value(commitment, numerator, denominator)
    if value is None or not (compared or running.units or running.stale or isinstance(commitment.measure, Total)):
        return None
    before = _value(commitment, compared.before_numerator, compared.before_denominator) if compared else None
    if commitment.is_compared and before is None:
        return None
    whole = _value(commitment, running.numerator, running.denominator) if compared else value
    return Observation(
        effective=day,
        period=Period.parse(day.isoformat()),
        value=value,
        numerator=numerator,
        denominator=denominator if isinstance(commitment.measure, Rate) else None,
        units_counted=running.units + running.stale,
        units_expected=expected.communes,
        units_stale=running.stale,
        stands_months=expected.stands_months,
        reports_in=running.reports if expected.reports else None,
        reports_due=reports_due if expected.reports else None,
        before=before,
        compared=compared.units if compared else None,
        whole=whole if whole != value else None,
        begins_with_first=compared is not None and compared.begins_with_first,
        possible=possible_values(commitment, running, expected, reports_due, value),
    )


class _Compared(NamedTuple):
    """The part of a sum that is compared with the figures before."""

    numerator: Decimal
    denominator: Decimal
    before_numerator: Decimal
    before_denominator: Decimal
    units: int
    begins_with_first: bool = False


def _comparison_of(running: Increment, expected: Expected) -> _Compared | None:
    """Return the sum and what was before, of those that have both.

    Where fewer communes than the coverage have figures of the baseline date, the first figures of the others stand for
    these. None where nothing can be compared.
    """
    of = running.comparison
    known = running.units + running.stale
    if expected.communes is not None and of.units < expected.communes * expected.coverage:
        numerator, denominator = of.before_numerator + of.first_numerator, of.before_denominator + of.first_denominator
        return _Compared(running.numerator, running.denominator, numerator, denominator, known, of.units < known)
    numerator, denominator = running.numerator - of.new_numerator, running.denominator - of.new_denominator
    if not (of.units or numerator or of.before_numerator):
        return None
    return _Compared(numerator, denominator, of.before_numerator, of.before_denominator, of.units)


def _value(commitment: Commitment, numerator: Decimal, denominator: Decimal) -> Fraction | None:
    if not isinstance(commitment.measure, Rate):
        return exact(numerator)
    return share(numerator, denominator) if denominator > 0 else None
