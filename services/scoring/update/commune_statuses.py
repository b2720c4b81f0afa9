"""The statuses of communes' criteria: judged when figures change, and when time passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, PreviousVerdict, events, status_changes
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import families_of, with_inherited
from services.scoring.judging.judge import (
    CriterionVerdict,
    criterion_since,
    explain_criterion,
    is_judged_by,
    judge_criterion,
)
from services.scoring.judging.observations import effective_date
from services.scoring.judging.readings import Reading
from services.scoring.judging.unreported import verdict_without_figures
from services.scoring.storage.readings import readings_among
from services.scoring.storage.statuses import StatusValues, StoredStatus, statuses_of
from services.scoring.storage.tables import StatusRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.judging_days import last_day_held, moment_to_judge
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from shared.postgres.statements import upsert
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type CriteriaByUnit = Mapping[int, Sequence[CriterionKey]]

_NOTHING = Figures()


async def judge_criteria(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    figures: Mapping[int, Figures],
    criteria: CriteriaByUnit,
    differing: Mapping[int, Sequence[Reading]] | None = None,
    causes: Mapping[int, Sequence[Arrival]] | None = None,
) -> list[ChangeOfUnit]:
    """Judge these criteria of the units, store their statuses, and return the changes.

    `differing` are the readings that changed; None: only time has passed. `causes` are the submissions that changed
    them. All are given by the units' keys.
    """
    stored = await statuses_of(connection, list(figures))
    rows: list[StatusValues] = []
    changes: list[ChangeOfUnit] = []
    for key, own_figures in figures.items():
        unit = reference.units.by_key(key)
        if unit.valid_from > moment.on:
            continue  # it is judged on the day on which it begins
        for criterion in criteria[key]:
            row = stored.get((key, criterion))
            if differing is None and row is not None and row.judged_on >= unit.last_day(moment.on):
                continue  # it was judged later already: a day that is caught up with takes nothing back
            at = moment_to_judge(unit, row.judged_on if row else None, moment)
            judged = judge_criterion(criterion, unit, own_figures, reference, at.on)
            if row is None and judged.is_blank:
                continue
            before = _before(row, criterion, unit, reference, at.on)
            if events(before, judged.status, judged.overdue):
                cause = _cause(criterion, (causes or {}).get(key, ()), reference)
                assessment = explain_criterion(judged)
                of_criterion = status_changes(before, unit, criterion, assessment, reference, at, cause)
                changes += [ChangeOfUnit(key, change) for change in of_criterion]
            if row and judged.status == before.status and not _reaches_back(differing, key, at.on, reference):
                since = row.since
            else:
                since = criterion_since(criterion, unit, own_figures, reference, at.on)
            rows.append(_status_row(unit, criterion, judged, since))
    await upsert(connection, StatusRow, rows)
    return changes


def _before(
    row: StoredStatus | None, criterion: CriterionKey, unit: Unit, reference: Reference, on: date
) -> PreviousVerdict:
    """Return the stored verdict, else the verdict of a commune for which nobody has reported."""
    if row:
        return PreviousVerdict(row.status, frozenset(row.overdue))
    return verdict_without_figures(criterion, unit, reference, on)


def _cause(criterion: CriterionKey, arrivals: Sequence[Arrival], reference: Reference) -> UUID | None:
    """Return the id of the last submission with an element of the criterion."""
    for arrival in reversed(arrivals):
        if any(criterion in reference.criteria_of_element(element) for element in arrival.submission.readings):
            return arrival.submission.id
    return None


def _reaches_back(differing: Mapping[int, Sequence[Reading]] | None, unit: int, on: date, reference: Reference) -> bool:
    """Tell whether figures changed for days that have passed: the day since which the status holds may then change."""
    baseline = reference.plan.baseline_date
    return differing is not None and any(
        effective_date(reading.period, reading.known_from, baseline) < on for reading in differing.get(unit, ())
    )


def _status_row(unit: Unit, criterion: CriterionKey, judged: CriterionVerdict, since: date) -> StatusValues:
    return {
        "unit": unit.key,
        "criterion": criterion,
        "status": judged.status.value,
        "since": since,
        "judged_on": judged.on,
        "holds_until": last_day_held(unit, judged.holds_until),
        "overdue": list(judged.overdue),
    }


def criteria_touched(unit: Unit, readings: Sequence[Reading], reference: Reference) -> list[CriterionKey]:
    """Return the criteria by which the unit is judged and that measure one of the readings' elements."""
    if unit.kind not in reference.plan.counted_kinds:
        return []
    measured = {key: None for reading in readings for key in reference.criteria_of_element(reading.element)}
    return [key for key in measured if is_judged_by(key, unit, reference)]


async def figures_for(
    connection: AsyncConnection, criteria: CriteriaByUnit, reference: Reference
) -> dict[int, Figures]:
    """Read the figures by which these criteria of the units are judged, with those that the units inherited."""
    elements = {
        (member, element)
        for unit, keys in criteria.items()
        for key in keys
        for element in reference.criterion(key).element_codes
        for member in reference.lineage.family(unit)
    }
    readings = await readings_among(connection, elements, reference.plan.horizon)
    of_kin = with_inherited(
        {unit: readings.get(unit, _NOTHING) for unit in families_of(criteria, reference)}, reference
    )
    return {unit: of_kin[unit] for unit in criteria}


async def judge_again(
    connection: AsyncConnection, reference: Reference, criteria: CriteriaByUnit, moment: Moment
) -> int:
    """Judge these criteria of the units by their stored figures and publish the changes; return their number."""
    figures = await figures_for(connection, criteria, reference)
    changes = await judge_criteria(connection, reference, moment, figures, criteria, {})
    await publish_changes(connection, changes)
    return len(changes)


def rebuilt_statuses(
    key: int, figures: Figures, bound: Collection[CriterionKey], reference: Reference, moment: Moment
) -> Iterator[StatusValues]:
    """Yield the rows of a unit's statuses, made from its figures alone.

    They are of the criteria for which it has figures, and of those to which the plan binds it (`bound`).
    """
    unit = reference.units.by_key(key)
    if unit.valid_from > moment.on:
        return
    on = unit.last_day(moment.on)
    for criterion in dict.fromkeys((*criteria_touched(unit, list(figures.values()), reference), *bound)):
        judged = judge_criterion(criterion, unit, figures, reference, on)
        if not judged.is_blank:
            since = criterion_since(criterion, unit, figures, reference, on)
            yield _status_row(unit, criterion, judged, since)
