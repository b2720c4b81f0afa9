"""Elements that districts count as well as their communes: which figure counts where both have reported.

A district's figure is about the whole district, so for its element and period it alone counts, and those of the
communes, towns and wards in it are left out: nothing is added twice. Who reports at all is the calendar's matter; the
paper says nothing of figures from both, so the rule is ours. The province's own figures are about what its offices
did themselves, and are added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from services.scoring.judging.figures import Figures
from shared.reference.load import Reference
from shared.reference.units import BELOW_DISTRICTS, DISTRICTS


def counted_once(figures: Mapping[int, Figures], reference: Reference) -> dict[int, Figures]:
    """Return the figures without those of communes for what their district counts itself in the same period.

    `figures`: by unit, with those of the communes' districts.
    """
    once: dict[int, Figures] = {}
    least_rank = reference.plan.counts_from.rank
    for key, own in figures.items():
        district = reference.units.by_key(key)
        if district.kind not in DISTRICTS:
            continue
        counted = {
            (element, period)
            for (element, period), reading in own.items()
            if reference.is_counted_at_levels(element) and reading.stage.rank >= least_rank
        }
        for other in reference.units.at_other_level(district) if counted else ():
            theirs = figures.get(other.key)
            if theirs and not counted.isdisjoint(theirs):
                left = {where: reading for where, reading in theirs.items() if where not in counted}
                once[other.key] = Figures(left)
    return {**figures, **once}


def at_other_level(elements: Mapping[int, Iterable[str]], reference: Reference) -> set[int]:
    """Return the units whose figures count or not by what arrives, with their kin; by unit: the arriving elements."""
    concerned = [
        other.key
        for key, of_unit in elements.items()
        if reference.has_counted_at_levels(of_unit)
        for other in reference.units.at_other_level(reference.units.by_key(key))
    ]
    return {*reference.lineage.families(concerned)}


def districts_of(units: Collection[int], reference: Reference) -> set[int]:
    """Return the districts of communes, towns and wards that are not among the units themselves."""
    found = (
        reference.units.district(unit) for unit in map(reference.units.by_key, units) if unit.kind in BELOW_DISTRICTS
    )
    return {district.key for district in found if district}.difference(units)
