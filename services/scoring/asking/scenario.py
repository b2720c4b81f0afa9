"""Scenarios: the figures of units with the plan by which they are judged, as they are or as they would be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import batched
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.judge import CriterionVerdict, Judge
from services.scoring.judging.readings import Reading, readings_in
from services.scoring.storage.readings import readings_of
from shared.contracts.submission import Submission
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type SupposedReadings = Mapping[int, Sequence[Reading]]
"""Readings that are supposed to arrive, by the key of their unit."""

_UNITS_AT_ONCE = 20
_NONE: SupposedReadings = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scenario:
    """The figures of units, and the judge with the plan and the day by which they are judged."""

    judge: Judge
    figures: Mapping[int, Figures]

    @classmethod
    def of(cls, judge: Judge, figures: Mapping[int, Figures], supposed: SupposedReadings = _NONE) -> Scenario:
        """Add the supposed readings and the inherited ones to the figures, as far back as the plan looks."""
        horizon = judge.reference.plan.horizon
        merged = {unit: own.since(horizon) for unit, own in figures.items()}
        for unit, readings in supposed.items():
            recent = [reading for reading in readings if reading.period.end >= horizon]
            merged[unit] = merge(merged.get(unit, Figures()), recent)
        return cls(judge, with_inherited(merged, judge.reference))

    def verdict(self, unit: Unit, criterion: CriterionKey) -> CriterionVerdict | None:
        """Judge a commune's criterion; None where the commune is not judged by it, or not yet."""
        reference = self.judge.reference
        if self.judge.on < reference.time_of(criterion)[0]:
            return None
        if unit.kind in reference.plan.counted_kinds and reference.judges(unit, criterion):
            return self.judge.criterion(criterion, unit, self.figures.get(unit.key, Figures()))
        return None


def compare_verdicts(
    pairs: Iterable[tuple[Unit, CriterionKey]], before: Scenario, after: Scenario
) -> Iterator[tuple[Unit, CriterionKey, CriterionVerdict | None, CriterionVerdict | None]]:
    """Yield the communes' criteria with the verdicts of both scenarios, where at least one of them judges."""
    for unit, criterion in pairs:
        verdicts = before.verdict(unit, criterion), after.verdict(unit, criterion)
        if verdicts != (None, None):
            yield unit, criterion, *verdicts


def supposed_readings(
    submissions: Sequence[Submission], reference: Reference, moment: Moment, on: date
) -> dict[int, list[Reading]]:
    """Return the readings of supposed submissions by the key of their unit; units that do not exist are passed over.

    The place among the submissions is the submission's id, so the later of two equal ones counts. Readings become known
    at once, or when their period ends, and on the day that is judged (`on`) at the latest.
    """
    supposed: defaultdict[int, list[Reading]] = defaultdict(list)
    for number, submission in enumerate(submissions):
        unit = reference.units.find(submission.unit, submission.period.end)
        if unit is not None:
            known_from = min(max(moment.on, submission.period.end), on)
            readings = readings_in(submission, UUID(int=number), moment.at)
            supposed[unit.key] += [reading._replace(known_from=known_from) for reading in readings]
    return dict(supposed)


async def figures_of_families(
    connection: AsyncConnection,
    units: Collection[int],
    *references: Reference,
    elements: Collection[str] | None = None,
) -> dict[int, Figures]:
    """Return the figures of the units and their families, as far back as any of the plans looks.

    `elements` None: of all elements.
    """
    families = {member for reference in references for member in reference.lineage.families(units)}
    horizon = min(reference.plan.horizon for reference in references)
    figures: dict[int, Figures] = {}
    for members in batched(sorted(families), _UNITS_AT_ONCE):  # so that the loop goes on between them
        figures |= await readings_of(connection, members, horizon, elements)
    return figures
