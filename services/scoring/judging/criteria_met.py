"""The number of criteria that communes meet: its average, and the communes that meet fewer than a number.

Each criterion of a commune counts as in the number of communes that meet it: by its newest figures, until they are too
old, and until the commune's successor has figures about it. A criterion without figures is not met, for a commune
shows by reports what it meets; the words say how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.scoring.judging.completeness import Expected
from services.scoring.judging.increments import NO_CHANGE, ZERO, Increment
from services.scoring.judging.observations import CriteriaKnown, Observation
from shared.contracts.period import Period
from shared.reference.models import CommunesBelow, CriteriaAverage, CriteriaMet


def amount_of(measure: CriteriaMet, criteria: Sequence[Increment]) -> Increment:
    """Return what a commune adds to a measure on a day, from what each of its criteria adds to the communes meeting it.

    The denominator is the number of its criteria that have figures, `stale` that of the criteria whose figures are too
    old. `reports`: of the average the criteria that no overdue report could turn, of communes below a number 1 where
    such reports leave the commune where it is.
    """
    known = [criterion for criterion in criteria if criterion.units or criterion.stale]
    if not known:
        return NO_CHANGE
    met = sum((criterion.numerator for criterion in known), ZERO)
    certain = [criterion for criterion in known if criterion.reports and not criterion.stale]
    if isinstance(measure, CommunesBelow):
        surely_met = sum((criterion.numerator for criterion in certain), ZERO)
        most = surely_met + len(known) - len(certain)
        numerator = Decimal(met < measure.criteria)
        reports = int(surely_met >= measure.criteria or most < measure.criteria)
    else:
        numerator, reports = met, len(certain)
    return Increment(
        numerator=numerator,
        denominator=Decimal(len(known)),
        units=1,
        reports=reports,
        stale=sum(criterion.stale for criterion in known),
    )


def observation_of(measure: CriteriaMet, running: Increment, expected: Expected, day: date) -> Observation | None:
    """Return the value of a measure on a day by its running sum; None where no commune has figures."""
    if not running.units:
        return None
    # those that have left the sum since had figures
    communes = max(expected.communes or 0, running.units)
    is_average = isinstance(measure, CriteriaAverage)
    # a commune without any figures meets no criterion
    numerator = running.numerator if is_average else running.numerator + communes - running.units
    known = int(running.denominator)
    return Observation(
        effective=day,
        period=Period.parse(day.isoformat()),
        value=Fraction(numerator) / communes if is_average else Fraction(numerator),
        numerator=numerator,
        denominator=Decimal(communes) if is_average else None,
        scale=1,
        units_counted=running.units,
        units_expected=communes,
        stands_months=expected.stands_months,
        criteria=CriteriaKnown(
            without_figures=communes * expected.criteria - known,
            stale=running.stale,
            waiting=(known - running.stale if is_average else running.units) - running.reports,
        ),
        possible=_possible_average(running, expected, communes)
        if is_average
        else _possible_below(running, expected, communes),
    )


def _possible_average(running: Increment, expected: Expected, communes: int) -> tuple[Fraction, Fraction] | None:
    """Return the averages between which silent communes and overdue reports may lead; None where enough have come."""
    known, coverage = running.denominator, expected.coverage
    if running.units >= communes * coverage and running.reports >= known * coverage:
        return None
    waiting = known - running.reports
    least = running.numerator - (waiting - running.stale)
    most = running.numerator + waiting + (communes - running.units) * expected.criteria
    return max(Fraction(least) / communes, Fraction(0)), min(Fraction(most) / communes, Fraction(expected.criteria))


def _possible_below(running: Increment, expected: Expected, communes: int) -> tuple[Fraction, Fraction] | None:
    """Return the numbers of communes below to which missing figures may lead; None where enough have come."""
    if running.reports >= communes * expected.coverage:
        return None
    silent, waiting = communes - running.units, running.units - running.reports
    below = Fraction(running.numerator)
    return max(below - waiting, Fraction(0)), min(below + waiting, Fraction(running.units)) + silent
