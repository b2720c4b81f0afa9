"""The figures of units before and after submissions, and the readings that differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.levels import at_other_level, counted_once
from services.scoring.judging.observations import effective_date
from services.scoring.judging.readings import Reading
from shared.contracts.period import Period
from shared.reference.load import Reference

type ReadingsByUnit = Mapping[int, Sequence[Reading]]

_NOTHING = Figures()


@dataclass(frozen=True, slots=True)
class FigureChange:
    """The figures of units and their kin, by the units' keys, before and after submissions."""

    before: Mapping[int, Figures]
    after: Mapping[int, Figures]
    differing: ReadingsByUnit
    """The readings of `after` that `before` lacks or has otherwise, and those of `before` that `after` lacks."""

    @classmethod
    def between(cls, before: Mapping[int, Figures], after: Mapping[int, Figures]) -> FigureChange:
        """Return the change of all units that have figures before or after."""
        keys = before.keys() | after.keys()
        before, after = ({key: figures.get(key, _NOTHING) for key in keys} for figures in (before, after))
        return cls(before, after, {key: _differing(before[key], after[key]) for key in keys})

    def over(self, after: Mapping[int, Figures]) -> FigureChange:
        """Return the change of some units over all their figures, of which `after` are those afterwards."""
        before = {}
        for unit, figures in after.items():
            changed = {(reading.element, reading.period) for reading in self.differing[unit]}
            kept = {key: reading for key, reading in figures.items() if key not in changed}
            former = {key: self.before[unit][key] for key in changed if key in self.before[unit]}
            before[unit] = Figures(kept | former)
        return FigureChange(before, after, {unit: self.differing[unit] for unit in after})

    def begins(self, units: Collection[int], baseline_date: date) -> date:
        """Return a day before which no value of these units is another one than before.

        A value is that of a period, so it is in force from the first day on which something was known of one that
        changed.
        """
        periods = {reading.period for unit in units for reading in self.differing[unit]}
        known = {
            (period, reading.known_from)
            for figures in (self.before, self.after)
            for unit in units
            for (_, period), reading in figures[unit].items()
            if period in periods
        }
        return min([effective_date(*of_period, baseline_date) for of_period in known], default=date.min)


def oldest_needed(arriving: ReadingsByUnit, reference: Reference) -> date:
    """Return the plan's horizon, or the earliest end of an arriving reading's period where that lies before it."""
    ends = (reading.period.end for readings in arriving.values() for reading in readings)
    return min(reference.plan.horizon, *ends)


def elements_needed(arriving: ReadingsByUnit, reference: Reference) -> set[tuple[int, str]]:
    """Return the units and elements whose readings are needed to judge whatever the arriving readings are part of."""
    needed = set()
    for unit, readings in arriving.items():
        arrived = {reading.element for reading in readings}
        family = reference.lineage.family(unit)
        together = reference.elements_together(family)
        elements = arrived.union(*(group for group in together if not group.isdisjoint(arrived)))
        needed |= {(member, element) for member in family for element in elements}
        counted = [element for element in arrived if reference.is_counted_at_levels(element)]
        needed |= {(other, element) for other in at_other_level({unit: counted}, reference) for element in counted}
    return needed


def looked_back_from(
    arriving: ReadingsByUnit, needed: Iterable[tuple[int, str]], reference: Reference, on: date
) -> dict[tuple[int, str], date]:
    """Return the day from which to look back for the readings of each unit and element: `date.min` for all of them.

    What a figure of today changes follows from few figures before it, but for sums over the year, and where figures
    pass from one unit to another.
    """
    arrived = {unit: {reading.element for reading in readings} for unit, readings in arriving.items()}
    others = at_other_level(arrived, reference)
    days = {
        unit: min(reading.period.end for reading in readings)
        for unit, readings in arriving.items()
        if readings
        and unit not in others
        and len(reference.lineage.family(unit)) == 1
        and not reference.has_counted_at_levels(arrived[unit])
        and all(reading.known_from >= on for reading in readings)
    }
    whole = reference.elements_summed_over_time
    return {(unit, code): date.min if code in whole else days.get(unit, date.min) for unit, code in needed}


def merge_arriving(stored: Mapping[int, Figures], arriving: ReadingsByUnit, families: Collection[int]) -> FigureChange:
    """Merge arriving readings into the stored figures of the units and their kin (`families`).

    No figure but those that a reading arrives for can differ afterwards.
    """
    before = {unit: stored.get(unit, _NOTHING) for unit in families}
    after = before | {unit: merge(before[unit], readings) for unit, readings in arriving.items()}
    differing = {
        unit: [
            after[unit][key]
            for key in dict.fromkeys((reading.element, reading.period) for reading in readings)
            if before[unit].get(key) != after[unit][key]
        ]
        for unit, readings in arriving.items()
    }
    return FigureChange(before, after, differing)


def as_judged(change: FigureChange, reference: Reference) -> FigureChange:
    """Return the change in the figures by which units are judged.

    Those go as far back as the plan looks, with the figures that units inherited: a change then reaches the heirs too.
    """
    elements = {unit: {reading.element for reading in own} for unit, own in change.differing.items()}
    others = at_other_level(elements, reference)
    kin = {*reference.lineage.families(change.differing), *others}
    before, after = ({unit: own[unit] for unit in kin} for own in (change.before, change.after))
    differing, horizon = change.differing, reference.plan.horizon
    # a withdrawn figure is in `before` alone
    if any(period.end < horizon for of_units in (before, after) for own in of_units.values() for _, period in own):
        before = {unit: figures.since(horizon) for unit, figures in before.items()}
        after = {unit: figures.since(horizon) for unit, figures in after.items()}
    if any(len(reference.lineage.family(unit)) > 1 for unit in differing):
        before, after = with_inherited(before, reference), with_inherited(after, reference)
        differing = {unit: _differing(before[unit], after[unit]) for unit in after}
    if others:
        before, after = counted_once(before, reference), counted_once(after, reference)
        differing = {unit: _differing(before[unit], after[unit]) for unit in after}
    return FigureChange(before, after, differing)


def replace_readings(
    stored: Mapping[int, Figures],
    periods: Mapping[int, Collection[Period]],
    left: ReadingsByUnit,
    families: Collection[int],
) -> FigureChange:
    """Return the change where these readings alone are left for some periods of units."""
    before = {unit: stored.get(unit, _NOTHING) for unit in families}
    after = dict(before)
    for unit, of_unit in periods.items():
        kept = {key: reading for key, reading in before[unit].items() if key[1] not in of_unit}
        after[unit] = merge(Figures(kept), left.get(unit, ()))
    return FigureChange(before, after, {unit: _differing(before[unit], after[unit]) for unit in periods})


def differing_and_replaced(change: FigureChange, unit: int) -> list[Reading]:
    """Return the unit's differing readings, and those in whose place they stand.

    One that is taken back may have been known earlier than the one that is left: the status then begins later.
    """
    readings = change.differing[unit]
    before = change.before[unit]
    return [*readings, *(former for one in readings if (former := before.get((one.element, one.period))))]


def _differing(before: Figures, after: Figures) -> list[Reading]:
    differing = [reading for key, reading in after.items() if before.get(key) != reading]
    return [*differing, *(before[key] for key in before.keys() - after.keys())]
