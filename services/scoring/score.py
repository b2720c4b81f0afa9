"""The use cases of scoring, each in the caller's one transaction: a batch of submissions, and a day that passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring import queries
from services.scoring.aggregate import Step, contributes, contribution, difference, elements_of, series
from services.scoring.changes import Before, Moment, message_of, status_changes, target_changes, topic_of
from services.scoring.measures import Reading, merge, readings_in, received_on
from services.scoring.queries import UnitReadings
from services.scoring.tables import OutboxRow, StatusRow, TargetRow, TickRow
from services.scoring.verdicts import assess_criterion, assess_target, criteria_of
from shared import outbox
from shared.contracts import AcceptedSubmission, Assessment, Change, Status
from shared.database import table_of, upsert
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Unit

type Found = tuple[int, Change]
"""A change of the unit with this key: the code alone would not tell which unit, for codes are used again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submission as it came from the stream."""

    submission: AcceptedSubmission
    trace: str | None = None

    @property
    def day(self) -> date:
        """The day in Vietnam on which it was received."""
        return received_on(self.submission.received_at)

    @property
    def readings(self) -> list[Reading]:
        """The figures that it brings."""
        submission = self.submission
        return readings_in(submission, submission.id, submission.received_at, submission.warnings)


async def score(connection: AsyncConnection, reference: Reference, arrivals: Sequence[Arrival], moment: Moment) -> int:
    """Take submissions into account: readings, verdicts, aggregates, changes, outbox. Known ones change nothing.

    Returns how many changes there were. KeyError when a submission names a unit that the reference does not have.
    """
    units = {arrival.submission.id: _unit(arrival.submission, reference) for arrival in arrivals}
    rows = [_submission_row(arrival.submission, units[arrival.submission.id]) for arrival in arrivals]
    rows = sorted({row["id"]: row for row in rows}.values(), key=lambda row: str(row["id"]))
    new = await queries.record_submissions(connection, rows)
    fresh = [arrival for arrival in arrivals if arrival.submission.id in new]
    if not fresh:
        return 0

    arriving: defaultdict[int, list[Reading]] = defaultdict(list)
    causes: defaultdict[int, list[Arrival]] = defaultdict(list)
    for arrival in fresh:
        unit = units[arrival.submission.id]
        arriving[unit.key].extend(arrival.readings)
        causes[unit.key].append(arrival)
    # another process may have heard of the new day first; what it received then must be in force when it is judged
    moment = replace(moment, on=max(moment.on, *(arrival.day for arrival in fresh)))
    await queries.lock_units(connection, arriving)
    before = await queries.readings_of(connection, list(arriving))
    after = {unit: merge(before.get(unit, {}), readings) for unit, readings in arriving.items()}
    await queries.write_readings(connection, _differing(before, after))

    changes = await _judge_units(connection, reference, moment, after, before, causes)
    changes += await _judge_targets(connection, reference, moment, before, after)
    await _record(connection, changes, fresh)
    return len(changes)


async def tick(connection: AsyncConnection, reference: Reference, moment: Moment) -> int:
    """Judge what the passing of time changes, once per day: pace, overdue reports, deadlines.

    Only what does not hold any more is looked at. Returns how many changes there were.
    """
    statement = insert(table_of(TickRow)).on_conflict_do_nothing()
    done = await connection.execute(statement, {"day": moment.on, "finished_at": moment.at})
    if done.rowcount == 0:
        return 0
    units = await queries.units_to_look_at(connection, moment.on)
    await queries.lock_units(connection, units)
    readings = await queries.readings_of(connection, units)
    changes = await _judge_units(connection, reference, moment, readings)
    due = await queries.targets_to_look_at(connection, moment.on)
    if due:
        await queries.lock_targets(connection)
        changes += await _assess_targets(connection, reference, moment, due)
    await _record(connection, changes)
    return len(changes)


def _unit(submission: AcceptedSubmission, reference: Reference) -> Unit:
    unit = reference.units.find(submission.unit, submission.period.end)
    if unit is None:
        raise KeyError(f"unit {submission.unit} in {submission.period}")
    return unit


def _submission_row(submission: AcceptedSubmission, unit: Unit) -> dict[str, Any]:
    return {
        "id": submission.id,
        "agency": submission.agency,
        "unit": unit.key,
        "period": submission.period.text,
        "received_at": submission.received_at,
        "digest": submission.digest,
        "body": submission.model_dump(mode="json"),
    }


def _differing(before: Mapping[int, UnitReadings], after: Mapping[int, UnitReadings]) -> list[tuple[int, Reading]]:
    return [
        (unit, reading)
        for unit, readings in after.items()
        for key, reading in readings.items()
        if before.get(unit, {}).get(key) != reading
    ]


def _changed_elements(before: UnitReadings, after: UnitReadings) -> set[str]:
    return {element for (element, period), reading in after.items() if before.get((element, period)) != reading}


def _cause(criterion: CriterionKey, arrivals: Sequence[Arrival], reference: Reference) -> UUID | None:
    """The last of the submissions that say something about the criterion."""
    for arrival in reversed(arrivals):
        if any(criterion in reference.criteria_of_element(element) for element in arrival.submission.readings):
            return arrival.submission.id
    return None


async def _judge_units(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    readings: Mapping[int, UnitReadings],
    before: Mapping[int, UnitReadings] | None = None,
    causes: Mapping[int, Sequence[Arrival]] | None = None,
) -> list[Found]:
    """Judge the units' criteria again: those whose readings changed, or all where only time passed."""
    stored = await queries.statuses_of(connection, list(readings))
    rows: list[dict[str, Any]] = []
    changes: list[Found] = []
    for key, after in readings.items():
        unit = reference.units.by_key(key)
        if unit.kind not in reference.plan.counted_kinds:
            continue
        criteria = criteria_of(unit, reference)
        if before is not None:
            changed = _changed_elements(before.get(key, {}), after)
            touched = {criterion for element in changed for criterion in reference.criteria_of_element(element)}
            criteria = [criterion for criterion in criteria if criterion in touched]
        for criterion in criteria:
            cause = _cause(criterion, (causes or {}).get(key, ()), reference)
            row = stored.get((key, criterion))
            if before is None and row is not None and row.judged_on >= moment.on:
                continue  # judged later already: a day that is caught up with takes nothing back
            at = _not_before(row, moment)
            assessment = assess_criterion(criterion, unit, after, reference, at.on)
            if row is None and assessment.status == Status.NO_DATA:
                continue
            found = status_changes(_before(row), unit, criterion, assessment, reference, at, cause)
            changes += [(key, change) for change in found]
            rows.append({"unit": key, "criterion": criterion, **_judged(row, assessment, at)})
    await upsert(connection, StatusRow, rows)
    return changes


async def _judge_targets(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    before: Mapping[int, UnitReadings],
    after: Mapping[int, UnitReadings],
) -> list[Found]:
    """Move the aggregates by what changed below them, and judge those that moved."""
    added: defaultdict[tuple[str, int, date], Step] = defaultdict(Step)
    targets = [(*found, elements_of(found[0], reference)) for found in targets_of(reference, moment.on)]
    for key, readings in after.items():
        unit = reference.units.by_key(key)
        changed = _changed_elements(before.get(key, {}), readings)
        for commitment, target, elements in targets:
            if not changed.isdisjoint(elements) and contributes(commitment, target, unit, reference):
                moved = difference(
                    contribution(commitment, readings, reference),
                    contribution(commitment, before.get(key, {}), reference),
                )
                for day, step in moved.items():
                    added[(commitment.id, target.key, day)] += step
    if not added:
        return []
    await queries.lock_targets(connection)
    await queries.add_steps(connection, added)
    return await _assess_targets(connection, reference, moment, {(commitment, unit) for commitment, unit, _ in added})


async def _assess_targets(
    connection: AsyncConnection, reference: Reference, moment: Moment, wanted: Collection[tuple[str, int]]
) -> list[Found]:
    plan = reference.plan
    steps, stored = await queries.steps_of(connection, wanted), await queries.targets(connection)
    rows: list[dict[str, Any]] = []
    changes: list[Found] = []
    for commitment, target in targets_of(reference, moment.on):
        key = (commitment.id, target.key)
        if key not in wanted:
            continue
        communes = len(reference.units.communes(moment.on, target.code))
        observations = series(commitment, steps.get(key, {}), plan.baseline_date, communes, plan.coverage)
        row = stored.get(key)
        at = _not_before(row, moment)
        assessment = assess_target(commitment, observations, reference, at.on)
        found = target_changes(_before(row), target, commitment, assessment, reference, at)
        changes += [(target.key, change) for change in found]
        rows.append({"commitment": commitment.id, "unit": target.key, **_judged(row, assessment, at)})
    await upsert(connection, TargetRow, rows)
    return changes


def targets_of(reference: Reference, on: date) -> Iterable[tuple[Commitment, Unit]]:
    """The plan's commitments, each with the units that it binds."""
    for commitment in reference.plan.commitments:
        for code in commitment.units:
            if target := reference.units.find(code, on):
                yield commitment, target


def _not_before(row: Row[Any] | None, moment: Moment) -> Moment:
    """The moment, or the day of the last judgement where another worker's clock was ahead."""
    return replace(moment, on=max(moment.on, row.judged_on)) if row else moment


def _before(row: Row[Any] | None) -> Before:
    return Before(Status(row.status), frozenset(row.assessment["overdue"])) if row else Before()


def _judged(row: Row[Any] | None, assessment: Assessment, moment: Moment) -> dict[str, Any]:
    return {
        "status": assessment.status.value,
        "since": row.since if row and row.status == assessment.status else moment.on,
        "judged_on": moment.on,
        "holds_until": assessment.holds_until,
        "assessment": assessment.model_dump(mode="json"),
    }


async def _record(connection: AsyncConnection, changes: Sequence[Found], arrivals: Sequence[Arrival] = ()) -> None:
    """Keep the changes, and leave them to be published."""
    traces = {arrival.submission.id: arrival.trace for arrival in arrivals}
    rows = [
        {
            "id": change.id,
            "unit": unit,
            "topic": topic_of(change),
            "event": change.event.value,
            "before": change.before.value,
            "after": change.after.value,
            "on": change.on,
            "at": change.at,
            "submission": change.submission,
            "body": change.model_dump(mode="json"),
        }
        for unit, change in changes
    ]
    await queries.add_changes(connection, rows)
    await outbox.put(connection, OutboxRow, [message_of(change, traces) for _, change in changes])
