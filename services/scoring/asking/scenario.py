"""Figures as they are and as they would be, each judged by a plan: what previews and what-ifs compare."""

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
from services.scoring.judging.inheritance import families_of, with_inherited
from services.scoring.judging.readings import Reading, readings_in
from services.scoring.judging.verdicts import CriterionVerdict, is_judged_by, judge_criterion
from services.scoring.storage import queries
from shared.contracts.submission import Submission
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type Arriving = Mapping[int, Sequence[Reading]]
"""Supposed figures by unit."""

_UNITS_AT_ONCE = 20
_NOTHING: Arriving = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Side:
    """The units' figures, and the plan that they are judged by."""

    reference: Reference
    figures: Mapping[int, Figures]

    @classmethod
    def of(cls, reference: Reference, figures: Mapping[int, Figures], arriving: Arriving = _NOTHING) -> Side:
        """The figures with those that arrive, as far back as the plan looks, and with what units began with."""
        horizon = reference.plan.horizon
        found = {unit: one.since(horizon) for unit, one in figures.items()}
        for unit, readings in arriving.items():
            recent = [one for one in readings if one.period.end >= horizon]
            found[unit] = merge(found.get(unit, Figures()), recent)
        return cls(reference, with_inherited(found, reference))

    def judge(self, unit: Unit, criterion: CriterionKey, on: date) -> CriterionVerdict | None:
        """None where the commune is not judged by the criterion."""
        if unit.kind in self.reference.plan.counted_kinds and is_judged_by(criterion, unit, self.reference):
            return judge_criterion(criterion, unit, self.figures.get(unit.key, Figures()), self.reference, on)
        return None


def compared(
    pairs: Iterable[tuple[Unit, CriterionKey]], before: Side, after: Side, on: date
) -> Iterator[tuple[Unit, CriterionKey, CriterionVerdict | None, CriterionVerdict | None]]:
    """The communes' criteria that either side is judged by, with both verdicts."""
    for unit, criterion in pairs:
        verdicts = before.judge(unit, criterion, on), after.judge(unit, criterion, on)
        if verdicts != (None, None):
            yield unit, criterion, *verdicts


def supposed_readings(
    submissions: Sequence[Submission], reference: Reference, moment: Moment, on: date
) -> dict[int, list[Reading]]:
    """The figures of submissions by unit; units that do not exist are passed over. Of two that are equal the later
    stands, and its place among the submissions is its id.

    They come in at once, or where their period is still to end, then; on the day that is judged at the latest.
    """
    arriving: defaultdict[int, list[Reading]] = defaultdict(list)
    for number, submission in enumerate(submissions):
        unit = reference.units.find(submission.unit, submission.period.end)
        if unit is not None:
            known_from = min(max(moment.on, submission.period.end), on)
            readings = readings_in(submission, UUID(int=number), moment.at)
            arriving[unit.key] += [one._replace(known_from=known_from) for one in readings]
    return dict(arriving)


async def figures_of(
    connection: AsyncConnection,
    units: Collection[int],
    *references: Reference,
    elements: Collection[str] | None = None,
) -> dict[int, Figures]:
    """The figures (None: of all elements) of the units and their families, as far back as any of the plans looks."""
    families = {member for reference in references for member in families_of(units, reference)}
    horizon = min(reference.plan.horizon for reference in references)
    found: dict[int, Figures] = {}
    for several in batched(sorted(families), _UNITS_AT_ONCE):  # so that the loop goes on between them
        found |= await queries.readings_of(connection, several, horizon, elements)
    return found
