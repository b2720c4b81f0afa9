"""The figures that a sum needs to be whole, and the values between which missing ones leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.scoring.judging.increments import Increment
from services.scoring.judging.observations import HUNDRED
from shared.reference.models import Commitment, Due, Rate, Total

_NOTHING, _ALL = Fraction(0), Fraction(HUNDRED)
_MORE_THAN_ANYTHING = Fraction(10**15)
"""More than anything that can be counted: the bound of a sum of which reports are missing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The figures that a sum needs to be whole."""

    communes: int | None
    """The communes that should have figures; None where the sum is not over communes."""
    coverage: Decimal
    """The share of them, and of the reports, that is enough."""
    reports: Sequence[tuple[Due, int]] = ()
    """The reports that are asked for, each with the number of those who owe it."""
    stands_months: int | None = None
    """The months for which figures may stand for the present."""
    criteria: int = 0
    """The criteria of which a commune may meet some, where their number counts."""


def possible_values(
    commitment: Commitment, running: Increment, expected: Expected, reports_due: int, value: Fraction
) -> tuple[Fraction, Fraction] | None:
    """Return the values between which the missing figures may lead; None where enough have come."""
    measure, coverage, communes = commitment.measure, expected.coverage, expected.communes
    if isinstance(measure, Total):
        counted = running.comparison.units if commitment.is_compared else running.reports
        if counted >= reports_due * coverage:
            return None
        return (_NOTHING if commitment.is_compared else value), _MORE_THAN_ANYTHING
    if communes is None:
        return None
    certain = min(running.units, running.reports) if reports_due else running.units
    if certain >= communes * coverage:
        return None
    if isinstance(measure, Rate):
        return _NOTHING, _ALL
    outdated = running.units - certain
    return max(value - outdated, _NOTHING), min(value + communes - certain, max(value, Fraction(communes)))
