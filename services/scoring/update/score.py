"""The use cases of scoring, each in the caller's one transaction: a batch of submissions, and a day that passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.aggregates import contributes, elements_of
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment, difference, increments_of
from services.scoring.judging.inheritance import families_of, with_inherited
from services.scoring.judging.readings import Reading
from services.scoring.judging.targets import targets_of
from services.scoring.storage import queries
from services.scoring.update.arrivals import Arrival, submission_row, unit_of
from services.scoring.update.commune_statuses import judge_units, touched
from services.scoring.update.published_changes import record
from shared.reference.load import Reference
from shared.reference.models import CohortMeeting

_NOTHING = Figures()


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
    concerned = families_of(arriving, reference)
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
    criteria = {unit: touched(reference.units.by_key(unit), several, reference) for unit, several in differing.items()}
    changes = await judge_units(connection, reference, moment, after, criteria, differing, causes)
    await _move_sums(connection, reference, moment, before, after, differing)
    await record(connection, changes, {one.submission.id: one.trace for one in fresh})
    return len(changes)


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


async def _move_sums(
    connection: AsyncConnection,
    reference: Reference,
    moment: Moment,
    before: Mapping[int, Figures],
    after: Mapping[int, Figures],
    differing: Mapping[int, Sequence[Reading]],
) -> None:
    """Move the sums above the units by what changed in them, for `judge_targets` to judge."""
    added: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
    targets = [(*found, elements_of(found[0], reference)) for found in targets_of(reference)]
    for key in after:
        unit = reference.units.by_key(key)
        family = reference.lineage.family(key)
        changed = {reading.element for member in family for reading in differing[member]}
        moved: dict[str, dict[date, Increment]] = {}
        for commitment, target, elements in targets:
            if changed.isdisjoint(elements) or not contributes(commitment, target, unit, reference):
                continue
            if commitment.id not in moved:
                new, old = (increments_of(commitment, unit, side[key], reference, side) for side in (after, before))
                moved[commitment.id] = difference(new, old)
            for day, step in moved[commitment.id].items():
                added[commitment.id, target.key, day] += step
    await queries.mark_moved(connection, {(commitment, unit) for commitment, unit, _ in added}, moment.on)
    await queries.add_increments(connection, added)
