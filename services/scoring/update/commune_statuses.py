"""The criteria of communes: judged by their readings, and by the passing of time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, PreviousVerdict, events, status_changes
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import families_of, with_inherited
from services.scoring.judging.observations import effective_date
from services.scoring.judging.readings import Reading
from services.scoring.judging.unreported import verdict_without_figures
from services.scoring.judging.verdicts import (
    CriterionVerdict,
    criterion_since,
    explain_criterion,
    is_judged_by,
    judge_criterion,
)
from services.scoring.storage import queries
from services.scoring.storage.tables import StatusRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.published_changes import Found, holds_until, record, when
from shared.contracts.status import Status
from shared.postgres.statements import upsert
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

_NOTHING = Figures()


async def judge_units(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    figures: Mapping[int, Figures],
    criteria: Mapping[int, Sequence[CriterionKey]],
    differing: Mapping[int, Sequence[Reading]] | None = None,
    causes: Mapping[int, Sequence[Arrival]] | None = None,
) -> list[Found]:
    """Judge these criteria of the units again. `differing` are the readings because of which; None: time passed."""
    stored = await queries.statuses_of(connection, list(figures))
    rows: list[dict[str, Any]] = []
    changes: list[Found] = []
    for key, found in figures.items():
        unit = reference.units.by_key(key)
        if unit.valid_from > moment.on:
            continue  # the day on which it begins will look at it
        for criterion in criteria[key]:
            row = stored.get((key, criterion))
            if differing is None and row is not None and row.judged_on >= unit.last_day(moment.on):
                continue  # judged later already: a day that is caught up with takes nothing back
            at = when(unit, row, moment)
            judged = judge_criterion(criterion, unit, found, reference, at.on)
            if row is None and judged.is_blank:
                continue
            if row:
                before = PreviousVerdict(Status(row.status), frozenset(row.overdue))
            else:
                before = verdict_without_figures(criterion, unit, reference, at.on)
            if events(before, judged.status, judged.overdue):
                cause = _cause(criterion, (causes or {}).get(key, ()), reference)
                assessment = explain_criterion(judged)
                told = status_changes(before, unit, criterion, assessment, reference, at, cause)
                changes += [(key, change) for change in told]
            if row and judged.status == before.status and not _reaches_back(differing, key, at.on, reference):
                since = row.since
            else:
                since = criterion_since(criterion, unit, found, reference, at.on)
            rows.append(_status_row(unit, criterion, judged, since))
    await upsert(connection, StatusRow, rows)
    return changes


async def judge_again(
    connection: AsyncConnection, reference: Reference, criteria: Mapping[int, Sequence[CriterionKey]], moment: Moment
) -> int:
    """Judge these criteria of the units again, whatever was said of them. Returns how many changes there were."""
    found = await figures_for(connection, criteria, reference)
    changes = await judge_units(connection, reference, moment, found, criteria, {})
    await record(connection, changes)
    return len(changes)


async def figures_for(
    connection: AsyncConnection, criteria: Mapping[int, Sequence[CriterionKey]], reference: Reference
) -> dict[int, Figures]:
    """What these criteria of the units are judged by, with what the units inherited."""
    elements = {
        (member, element)
        for unit, keys in criteria.items()
        for key in keys
        for element in reference.criterion(key).element_codes
        for member in reference.lineage.family(unit)
    }
    readings = await queries.readings_among(connection, elements, reference.plan.horizon)
    known = with_inherited({unit: readings.get(unit, _NOTHING) for unit in families_of(criteria, reference)}, reference)
    return {unit: known[unit] for unit in criteria}


def status_rows(
    key: int, figures: Figures, bound: Collection[CriterionKey], reference: Reference, moment: Moment
) -> Iterator[dict[str, Any]]:
    """The statuses of a unit's criteria as they are stored: of those that it has figures of, or that it is bound to."""
    unit = reference.units.by_key(key)
    if unit.valid_from > moment.on:
        return
    for criterion in dict.fromkeys((*touched(unit, list(figures.values()), reference), *bound)):
        on = unit.last_day(moment.on)
        judged = judge_criterion(criterion, unit, figures, reference, on)
        if not judged.is_blank:
            since = criterion_since(criterion, unit, figures, reference, on)
            yield _status_row(unit, criterion, judged, since)


def touched(unit: Unit, differing: Sequence[Reading], reference: Reference) -> list[CriterionKey]:
    """The criteria that the unit is judged by and of which the readings speak."""
    if unit.kind not in reference.plan.counted_kinds:
        return []
    found = {key: None for reading in differing for key in reference.criteria_of_element(reading.element)}
    return [key for key in found if is_judged_by(key, unit, reference)]


def _status_row(unit: Unit, criterion: CriterionKey, judged: CriterionVerdict, since: date) -> dict[str, Any]:
    return {
        "unit": unit.key,
        "criterion": criterion,
        "status": judged.status.value,
        "since": since,
        "judged_on": judged.on,
        "holds_until": holds_until(unit, judged.holds_until),
        "overdue": list(judged.overdue),
    }


def _reaches_back(differing: Mapping[int, Sequence[Reading]] | None, unit: int, on: date, reference: Reference) -> bool:
    """Whether figures changed for days that have passed: then also the time that a status is known to stand may."""
    baseline = reference.plan.baseline_date
    return differing is not None and any(
        effective_date(one.period, one.known_from, baseline) < on for one in differing.get(unit, ())
    )


def _cause(criterion: CriterionKey, arrivals: Sequence[Arrival], reference: Reference) -> UUID | None:
    """The last of the submissions that say something about the criterion."""
    for arrival in reversed(arrivals):
        if any(criterion in reference.criteria_of_element(element) for element in arrival.submission.readings):
            return arrival.submission.id
    return None
