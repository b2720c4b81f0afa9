"""Counts of communes by district, criterion, cohort and status."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit


class Cell(NamedTuple):
    """The communes of a district that are counted together."""

    criterion: CriterionKey
    cohort: str | None
    """The plan's cohort; None: all communes of the district."""


type District = int | None
"""A district's surrogate key; None: the communes of a tree without districts."""

type Counts = Mapping[Cell, Counter[Status]]


def count(
    communes: Iterable[Unit], reference: Reference, on: date, status_of: Callable[[Unit, CriterionKey], Status]
) -> Counts:
    """Count communes by the criteria that are asked of them on a day, by cohort and by status."""

    def each() -> Iterator[tuple[CriterionKey, str | None, Status]]:
        for unit in communes:
            cohorts = (None, *(cohort.id for cohort in reference.cohorts_of(unit)))
            for criterion in reference.criteria_of(unit, on):
                status = status_of(unit, criterion)
                for cohort in cohorts:
                    yield criterion, cohort, status

    counts: defaultdict[Cell, Counter[Status]] = defaultdict(Counter)
    for (criterion, cohort, status), number in Counter(each()).items():
        counts[Cell(criterion, cohort)][status] = number
    return counts


def by_district(reference: Reference, on: date) -> Mapping[District, Sequence[Unit]]:
    """Return the communes of the province on a day by their district."""
    communes: defaultdict[District, list[Unit]] = defaultdict(list)
    for unit in reference.units.communes(on, reference.plan.unit):
        communes[district_of(unit, reference)].append(unit)
    return communes


def district_of(unit: Unit, reference: Reference) -> District:
    """Return the key of a commune's district; None where the tree has none."""
    district = reference.units.district(unit)
    return district.key if district else None
