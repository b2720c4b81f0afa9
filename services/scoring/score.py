"""The use cases of scoring, each in the caller's one transaction: a batch of submissions, commitments whose sums have
moved, and a day that passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import batched
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring import queries
from services.scoring.aggregate import communes_counted, contributes, elements_of, series
from services.scoring.changes import Before, Moment, events, message_of, status_changes, target_changes, topic_of
from services.scoring.judge import Verdict
from services.scoring.measures import Figures, Observation, Reading, effective_date, merge, readings_in, received_on
from services.scoring.silence import before_any, bound_by
from services.scoring.steps import Step, contribution, difference
from services.scoring.succession import kin, with_inherited
from services.scoring.tables import OutboxRow, StatusRow, TargetRow, TickRow
from services.scoring.verdicts import (
    Judged,
    criteria_of,
    criterion_since,
    explain_criterion,
    explain_target,
    is_judged_by,
    judge_criterion,
    judge_target,
    overdue_of,
    target_since,
)
from shared import outbox
from shared.contracts import AcceptedSubmission, Change, Status
from shared.database import table_of, upsert
from shared.reference.load import Reference
from shared.reference.models import CohortMeeting, Commitment, CriterionKey, Unit

type Found = tuple[int, Change]
"""A change of the unit with this key: the code alone would not tell which unit, for codes are used again."""

_NOTHING = Figures()
_UNITS_AT_ONCE = 500
"""So many are looked at together when a day passes: memory stays bounded, however large the country."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submission as it came from the stream."""

    submission: AcceptedSubmission
    trace: str | None = None
    body: str | None = None
    """Its JSON as it came."""

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
    """Take submissions into account: readings, verdicts, sums, changes, outbox. Known ones change nothing.

    Returns how many changes there were. KeyError when a submission names a unit that the reference does not have.
    """
    units = {arrival.submission.id: unit_of(arrival.submission, reference) for arrival in arrivals}
    rows = {arrival.submission.id: submission_row(arrival, units[arrival.submission.id]) for arrival in arrivals}
    new = await queries.record_submissions(connection, [rows[key] for key in sorted(rows)])
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
    concerned = kin(arriving, reference)
    await queries.lock_units(connection, concerned)
    horizon = min(reference.plan.horizon, *(one.period.end for several in arriving.values() for one in several))
    found = await queries.readings_among(connection, _needed(arriving, reference), horizon)
    before = {unit: found.get(unit, _NOTHING) for unit in concerned}
    after = before | {unit: merge(before[unit], readings) for unit, readings in arriving.items()}
    differing = {unit: _differing(before[unit], after[unit]) for unit in arriving}
    await queries.write_readings(connection, [(unit, one) for unit, several in differing.items() for one in several])

    if horizon < reference.plan.horizon:
        before, after = (
            {unit: one.since(reference.plan.horizon) for unit, one in side.items()} for side in (before, after)
        )
    if any(len(reference.lineage.family(unit)) > 1 for unit in arriving):
        before, after = (with_inherited(side, reference) for side in (before, after))
        differing = {unit: _differing(before[unit], after[unit]) for unit in concerned}
        causes |= {unit: _among_kin(unit, causes, reference) for unit in concerned if unit not in causes}
    criteria = {unit: _touched(reference.units.by_key(unit), several, reference) for unit, several in differing.items()}
    changes = await _judge_units(connection, reference, moment, after, criteria, differing, causes)
    await _move_sums(connection, reference, moment, before, after, differing)
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
    due = await queries.statuses_to_look_at(connection, moment.on)
    bound = [(unit, key) for unit, keys in bound_by(reference, moment.on).items() for key in keys]
    for unit, key in await queries.without_status(connection, bound):
        due.setdefault(unit, []).append(key)
    begun = reference.lineage.begun(moment.on)
    for unit in begun or ():
        if reference.units.by_key(unit).kind in reference.plan.counted_kinds:
            due[unit] = criteria_of(reference.units.by_key(unit), reference)
    await queries.lock_units(connection, kin(due, reference))
    found = 0
    for units in batched(sorted(due), _UNITS_AT_ONCE):
        criteria = {unit: due[unit] for unit in units}
        figures = await _figures_for(connection, criteria, reference)
        changes = await _judge_units(connection, reference, moment, figures, criteria)
        await _record(connection, changes)
        found += len(changes)
    await begin_targets(connection, reference, moment.on)
    if begun is not None:
        targets = {(commitment.id, target.key) for commitment, target in targets_of(reference)}
        await queries.mark_moved(connection, targets, moment.on)
    return found + await judge_targets(connection, reference, moment)


async def begin_targets(connection: AsyncConnection, reference: Reference, on: date) -> None:
    """Have all of the plan's commitments judged from now on, also those of which nobody reports anything."""
    rows = []
    for commitment, target in targets_of(reference):
        day = target.last_day(on)
        verdict = judge_target(commitment, (), reference, day)
        rows.append(_target_row(commitment, target, verdict, target_since(commitment, (), reference, day)))
    await queries.begin_targets(connection, rows)


async def judge_targets(connection: AsyncConnection, reference: Reference, moment: Moment) -> int:
    """Judge the commitments of districts and the province whose sums have moved, or that do not hold any more.

    Apart from `score`, so that workers do not wait for each other at the province's sums. Returns how many changes
    there were.
    """
    if not await queries.targets_to_look_at(connection, moment.on):
        return 0
    await queries.lock_targets(connection)
    wanted = await queries.targets_to_look_at(connection, moment.on)
    steps, stored = await queries.steps_of(connection, wanted), await queries.targets(connection)
    rows: list[dict[str, Any]] = []
    changes: list[Found] = []
    for commitment, target in targets_of(reference):
        key = (commitment.id, target.key)
        if key not in wanted:
            continue
        row = stored.get(key)
        at = _when(target, row, moment)
        observations = series_of(commitment, target, steps.get(key, {}), reference, at.on)
        verdict = judge_target(commitment, observations, reference, at.on)
        if row and row.overdue is not None:
            before = Before(Status(row.status), frozenset(row.overdue))
        else:
            silence = judge_target(commitment, (), reference, at.on)
            before = Before(silence.status, frozenset(overdue_of(silence)))
        if events(before, verdict.status, overdue_of(verdict)):
            assessment = explain_target(commitment, verdict, at.on)
            found = target_changes(before, target, commitment, assessment, reference, at)
            changes += [(target.key, change) for change in found]
        since = target_since(commitment, observations, reference, at.on)
        rows.append(_target_row(commitment, target, verdict, since))
    await upsert(connection, TargetRow, rows)
    await _record(connection, changes)
    return len(changes)


def targets_of(reference: Reference) -> Iterable[tuple[Commitment, Unit]]:
    """The plan's commitments, each with the units that it binds, as they are when the plan begins."""
    for commitment in reference.plan.commitments:
        for code in commitment.units:
            if target := reference.units.find(code, reference.plan.first_day):
                yield commitment, target


def series_of(
    commitment: Commitment, target: Unit, steps: Mapping[date, Step], reference: Reference, on: date
) -> list[Observation]:
    """The commitment's value over time, from its summed steps, as seen on that day."""
    plan = reference.plan
    return series(commitment, steps, plan.baseline_date, communes_counted(target, reference, on), plan.coverage)


async def judge_again(
    connection: AsyncConnection, reference: Reference, criteria: Mapping[int, Sequence[CriterionKey]], moment: Moment
) -> int:
    """Judge these criteria of the units again, whatever was said of them. Returns how many changes there were."""
    found = await _figures_for(connection, criteria, reference)
    changes = await _judge_units(connection, reference, moment, found, criteria, {})
    await _record(connection, changes)
    return len(changes)


async def _figures_for(
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
    known = with_inherited({unit: readings.get(unit, _NOTHING) for unit in kin(criteria, reference)}, reference)
    return {unit: known[unit] for unit in criteria}


def status_rows(
    key: int, figures: Figures, bound: Collection[CriterionKey], reference: Reference, moment: Moment
) -> Iterator[dict[str, Any]]:
    """The statuses of a unit's criteria as they are stored: of those that it has figures of, or that it is bound to."""
    unit = reference.units.by_key(key)
    if unit.valid_from > moment.on:
        return
    touched = _touched(unit, list(figures.values()), reference)
    for criterion in dict.fromkeys((*touched, *bound)):
        on = unit.last_day(moment.on)
        judged = judge_criterion(criterion, unit, figures, reference, on)
        if not judged.is_blank:
            since = criterion_since(criterion, unit, figures, reference, on)
            yield _status_row(unit, criterion, judged, since)


def unit_of(submission: AcceptedSubmission, reference: Reference) -> Unit:
    """The unit that a submission speaks of: the one that had the code at its period's end. KeyError: none had."""
    unit = reference.units.find(submission.unit, submission.period.end)
    if unit is None:
        raise KeyError(f"unit {submission.unit} in {submission.period}")
    return unit


def submission_row(arrival: Arrival, unit: Unit) -> dict[str, Any]:
    """A submission as it is stored."""
    submission = arrival.submission
    return {
        "id": submission.id,
        "agency": submission.agency,
        "unit": unit.key,
        "period": submission.period.text,
        "received_at": submission.received_at,
        "digest": submission.digest,
        "body": arrival.body or submission.model_dump_json(),
    }


def _needed(arriving: Mapping[int, Sequence[Reading]], reference: Reference) -> set[tuple[int, str]]:
    """The elements that have to be known, unit by unit and of its kin, to judge what arriving readings are part of."""
    together = [set(reference.criterion(key).element_codes) for key in reference.criterion_keys]
    in_cohorts: list[tuple[frozenset[int], set[str]]] = []
    for commitment in reference.plan.commitments:
        if isinstance(commitment.measure, CohortMeeting):
            members = reference.members_of(commitment.measure.cohort)
            in_cohorts.append((members, elements_of(commitment, reference)))
        else:
            together.append(elements_of(commitment, reference))
    needed = set()
    for unit, readings in arriving.items():
        elements = {reading.element for reading in readings}
        family = reference.lineage.family(unit)
        groups = together + [group for members, group in in_cohorts if not members.isdisjoint(family)]
        wanted = elements.union(*(group for group in groups if not group.isdisjoint(elements)))
        needed |= {(member, element) for member in family for element in wanted}
    return needed


def _differing(before: Figures, after: Figures) -> list[Reading]:
    return [reading for key, reading in after.items() if before.get(key) != reading]


def _among_kin(unit: int, causes: Mapping[int, Sequence[Arrival]], reference: Reference) -> list[Arrival]:
    return [arrival for member in reference.lineage.family(unit) for arrival in causes.get(member, ())]


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
            at = _when(unit, row, moment)
            judged = judge_criterion(criterion, unit, found, reference, at.on)
            if row is None and judged.is_blank:
                continue
            if row:
                before = Before(Status(row.status), frozenset(row.overdue))
            else:
                before = before_any(criterion, unit, reference, at.on)
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


def _target_row(commitment: Commitment, target: Unit, verdict: Verdict, since: date) -> dict[str, Any]:
    return {
        "commitment": commitment.id,
        "unit": target.key,
        "status": verdict.status.value,
        "since": since,
        "judged_on": verdict.on,
        "holds_until": _holds_until(target, verdict.holds_until),
        "overdue": overdue_of(verdict),
        "moved": False,
    }


def _status_row(unit: Unit, criterion: CriterionKey, judged: Judged, since: date) -> dict[str, Any]:
    return {
        "unit": unit.key,
        "criterion": criterion,
        "status": judged.status.value,
        "since": since,
        "judged_on": judged.on,
        "holds_until": _holds_until(unit, judged.holds_until),
        "overdue": list(judged.overdue),
    }


def _holds_until(unit: Unit, day: date | None) -> date | None:
    """What is so on a unit's last day stays."""
    return None if day is None or (unit.valid_to and day >= unit.valid_to) else day


def _touched(unit: Unit, differing: Sequence[Reading], reference: Reference) -> list[CriterionKey]:
    """The criteria that the unit is judged by and of which the readings speak."""
    if unit.kind not in reference.plan.counted_kinds:
        return []
    found = {key: None for reading in differing for key in reference.criteria_of_element(reading.element)}
    return [key for key in found if is_judged_by(key, unit, reference)]


def _reaches_back(differing: Mapping[int, Sequence[Reading]] | None, unit: int, on: date, reference: Reference) -> bool:
    """Whether figures changed for days that have passed: then also the time that a status is known to stand may."""
    baseline = reference.plan.baseline_date
    return differing is not None and any(
        effective_date(one.period, one.known_from, baseline) < on for one in differing.get(unit, ())
    )


async def _move_sums(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    before: Mapping[int, Figures],
    after: Mapping[int, Figures],
    differing: Mapping[int, Sequence[Reading]],
) -> None:
    """Move the sums above the units by what changed in them, for `judge_targets` to judge."""
    added: defaultdict[tuple[str, int, date], Step] = defaultdict(Step)
    targets = [(*found, elements_of(found[0], reference)) for found in targets_of(reference)]
    for key in after:
        unit = reference.units.by_key(key)
        family = reference.lineage.family(key)
        changed = {reading.element for member in family for reading in differing[member]}
        moved: dict[str, dict[date, Step]] = {}
        for commitment, target, elements in targets:
            if changed.isdisjoint(elements) or not contributes(commitment, target, unit, reference):
                continue
            if commitment.id not in moved:
                new, old = (contribution(commitment, unit, side[key], reference, side) for side in (after, before))
                moved[commitment.id] = difference(new, old)
            for day, step in moved[commitment.id].items():
                added[commitment.id, target.key, day] += step
    await queries.mark_moved(connection, {(commitment, unit) for commitment, unit, _ in added}, moment.on)
    await queries.add_steps(connection, added)


def _when(unit: Unit, row: Row[Any] | None, moment: Moment) -> Moment:
    """The moment, or the day of the last judgement where another worker's clock was ahead; at the latest the unit's
    last day.
    """
    on = max(moment.on, row.judged_on) if row else moment.on
    return replace(moment, on=unit.last_day(on))


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
