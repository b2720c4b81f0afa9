"""A unit's flows: what it adds to a sum over the plan's year, of which each report tells a part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import NO_CHANGE, NOT_COMPARED, ZERO, Comparison, Increment
from services.scoring.judging.observations import effective_date
from services.scoring.judging.readings import Reading
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import Commitment, Due, Unit

_DAY = timedelta(days=1)
_NOTHING = Figures()


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows of a unit that contributes to sums over the year."""

    reference: Reference
    unit: Unit
    figures: Figures
    kin: Mapping[int, Figures]
    """The figures of the units whose place it has taken, or that take its place, by their keys."""

    def increments(self, commitment: Commitment, elements: Sequence[str]) -> dict[date, Increment]:
        """Return the flows of the plan's year up to the deadline, and the reports on them that the calendar asks for.

        Where the plan asks for a change, each is compared with the same unit's flow for the same period a year before.
        """
        self.figures.check_whole(elements)
        reported = self._by_period(elements, commitment.deadline)
        increments: defaultdict[date, Increment] = defaultdict(Increment)
        came: dict[Period, date] = {}
        compared: dict[Period, date] = {}
        for period, readings in reported.items():
            is_whole = len(readings) == len(elements)
            amount, day = self._amount(period, readings)
            if is_whole:
                came[period] = day
            if commitment.is_compared and is_whole and (before := self._a_year_before(elements, period)):
                compared[period] = max(day, before[1])
                pair = Increment(numerator=amount, comparison=Comparison(before_numerator=before[0]))
                increments[compared[period]] += pair
                continue
            for reading in readings:
                amount, day = self._amount(period, [reading])
                new = Comparison(new_numerator=amount) if commitment.is_compared else NOT_COMPARED
                increments[day] += Increment(numerator=amount, comparison=new)
        for due in self._owed(elements, commitment.deadline):
            if day_in := _covered_from(due, came):
                increments[max(day_in, due.by + _DAY)] += Increment(reports=1)
            if day_in := _covered_from(due, compared):
                increments[max(day_in, due.by + _DAY)] += Increment(comparison=Comparison(units=1))
        return {day: increment for day, increment in increments.items() if increment != NO_CHANGE}

    def _by_period(self, elements: Sequence[str], until: date) -> dict[Period, list[Reading]]:
        """Return the unit's flows of the plan's year that count, by period."""
        plan = self.reference.plan
        flows: defaultdict[Period, list[Reading]] = defaultdict(list)
        for (element, period), reading in self.figures.items():
            counts = element in elements and reading.stage.rank >= plan.counts_from.rank
            if counts and period.start.year == plan.year and period.end <= until:
                flows[period].append(reading)
        return flows

    def _a_year_before(self, elements: Sequence[str], period: Period) -> tuple[Decimal, date] | None:
        """Return the flow of the same period a year before, with the day on which it was known; None: not all of it.

        It is the unit's own, and that of the units whose place it has taken since.
        """
        before, reference = period.a_year_before, self.reference
        if before is None or not all(reference.are_comparable(element, before, period) for element in elements):
            return None
        plan, lineage, units = self.reference.plan, self.reference.lineage, self.reference.units
        parties = [(self.unit, self.figures)] if self.unit.is_valid(before.end) else []
        for key in lineage.family(self.unit.key):
            former = units.by_key(key)
            holders = [heir.key for since, heir in lineage.heirs(former) if since <= period.end]
            if holders and holders[-1] == self.unit.key and former.is_valid(before.end):
                parties.append((former, self.kin.get(key, _NOTHING)))
        readings = [figures.get((element, before)) for _, figures in parties for element in elements]
        counted = [reading for reading in readings if reading and reading.stage.rank >= plan.counts_from.rank]
        return self._amount(before, counted) if counted and len(counted) == len(readings) else None

    def _amount(self, period: Period, readings: Sequence[Reading]) -> tuple[Decimal, date]:
        known = max(reading.known_from for reading in readings)
        day = effective_date(period, known, self.reference.plan.baseline_date)
        return sum((reading.value for reading in readings), ZERO), day

    def _owed(self, elements: Sequence[str], until: date) -> list[Due]:
        """Return the reports on a sum that the unit owes for periods up to a day."""
        reference, unit = self.reference, self.unit
        if not reference.owes(unit, elements):
            return []
        dues = reference.due_on_elements(elements)
        return [due for due in dues if due.period.end <= until and unit.is_valid(due.period.end)]


def _covered_from(due: Due, periods: Mapping[Period, date]) -> date | None:
    """Return the day from which reports cover the period that was due: one for it, or for a longer one around it."""
    days = [day for period, day in periods.items() if period.start <= due.period.start and period.end >= due.period.end]
    return min(days, default=None)
