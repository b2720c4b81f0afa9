"""The statuses of communes' criteria: judged when figures change, and when time passes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import batched
from uuid import UUID

from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.changes import ChangesAt, PreviousVerdict, events
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.judge import CriterionVerdict, Judge
from services.scoring.judging.observations import EarlierFiguresNeededError, effective_date
from services.scoring.judging.readings import Reading
from services.scoring.storage.known_figures import judged_at
from services.scoring.storage.readings import newest_readings_among
from services.scoring.storage.statuses import StatusValues, StoredStatus, statuses_to_judge
from services.scoring.storage.tables import StatusRow
from services.scoring.update.held_since import known_since
from services.scoring.update.judging_days import last_day_held, moment_to_judge
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.transaction import Transaction
from shared.contracts.status import Status
from shared.contracts.submission import AcceptedSubmission
from shared.contracts.verdict_change import StatusChanged
from shared.postgres.statements import upsert
from shared.readable import read_rows
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type CriteriaByUnit = Mapping[int, Sequence[CriterionKey]]

_NOTHING = Figures()

_UNITS_AT_ONCE = 500
"""The units that are judged again together: memory stays bounded, and so does what one statement stores."""


@dataclass(frozen=True, slots=True)
class UnitToJudge:
    """A unit with the criteria that are to be judged, and the figures for that."""

    unit: Unit
    figures: Figures
    criteria: Sequence[CriterionKey]
    differing: Sequence[Reading] | None = None
    """The readings that changed; None: only time has passed."""
    causes: Sequence[AcceptedSubmission] = ()
    """The submissions that changed them, in the order of their arrival."""

    def of_criteria(self, chosen: Callable[[Unit, CriterionKey], bool]) -> UnitToJudge:
        """Return the unit with only some of its criteria."""
        return replace(self, criteria=[key for key in self.criteria if chosen(self.unit, key)])


async def judge_units(transaction: Transaction, units: Sequence[UnitToJudge]) -> list[ChangeOfUnit]:
    """Judge the criteria of the units, store their statuses, and return the changes.

    Where that depends on earlier figures than those that were read, all of them are read.
    """
    units = [
        to_judge for to_judge in units if to_judge.unit.valid_from <= transaction.moment.on
    ]  # the rest: as it begins
    judged_keys = {key for to_judge in units for key in to_judge.criteria}
    stored = await statuses_to_judge(transaction.connection, [one.unit.key for one in units], judged_keys)
    judge = transaction.judge
    judged: list[tuple[StatusValues, Sequence[StatusChanged]]] = []
    far: list[UnitToJudge] = []
    for to_judge in units:
        try:
            judged += _judge_unit(transaction, judge, to_judge, stored)
        except EarlierFiguresNeededError:
            far.append(to_judge)
    if far:
        figures = await _figures(transaction, {to_judge.unit.key: to_judge.criteria for to_judge in far})
        for to_judge in far:
            whole = replace(to_judge, figures=figures[to_judge.unit.key])
            judged += _judge_unit(transaction, judge, whole, stored)
    await upsert(transaction.connection, StatusRow, [row for row, _ in judged])
    return [ChangeOfUnit(row["unit"], change) for row, changes in judged for change in changes]


def _judge_unit(
    transaction: Transaction,
    judge: Judge,
    to_judge: UnitToJudge,
    stored: Mapping[tuple[int, CriterionKey], StoredStatus],
) -> list[tuple[StatusValues, Sequence[StatusChanged]]]:
    """Judge the criteria of a unit; return the rows that are new, each with its changes."""
    judged = (
        _judge(transaction, judge, to_judge, criterion, stored.get((to_judge.unit.key, criterion)))
        for criterion in to_judge.criteria
    )
    return [one for one in judged if one]


def _judge(
    transaction: Transaction,
    judge: Judge,
    to_judge: UnitToJudge,
    criterion: CriterionKey,
    stored: StoredStatus | None,
) -> tuple[StatusValues, Sequence[StatusChanged]] | None:
    """Judge one criterion; return its new row and the changes. None where the stored row stays, or none is needed."""
    unit, reference = to_judge.unit, transaction.reference
    if to_judge.differing is None and stored and stored.judged_on >= unit.last_day(transaction.moment.on):
        return None  # it was judged later already: a day that is caught up with takes nothing back
    moment = moment_to_judge(unit, stored.judged_on if stored else None, transaction.moment)
    judge = judge.at(moment.on)
    judged = judge.criterion(criterion, unit, to_judge.figures, stored.arrived if stored else None)
    if stored is None and judged.is_blank:
        return None
    before = _before(stored, criterion, unit, judge)
    first, last = reference.time_of(criterion)
    has_ended, begins = moment.on > last, stored is not None and stored.judged_on < first <= moment.on
    if transaction.cause == "plan" or has_ended:  # reports for another plan or set are no news
        before = replace(before, overdue=frozenset(judged.overdue))
    # a set that begins tells how its communes begin, and corrections of one that has ended are no news of today
    of_rules = (has_ended or begins) and transaction.cause not in ("plan", "rebuild")
    changes: Sequence[StatusChanged] = ()
    if events(before, judged.status, judged.overdue) or before.contradictory != judged.is_contradictory:
        assessment = explain_criterion(judged)
        cause = _cause(criterion, to_judge.causes, reference)
        changes = ChangesAt(reference, moment, "rules" if of_rules else transaction.cause).of_criterion(
            unit, criterion, before, assessment, cause, judged.series_from
        )
    # by other rules, or figures about days that have passed, these days are judged otherwise than they were
    is_of_today = transaction.cause in ("figure", "time") and not has_ended
    held = stored if is_of_today and not _reaches_back(to_judge.differing, judge) else None
    since = known_since(held, judged.status, judge.on) or judge.criterion_since(criterion, unit, to_judge.figures)
    return _status_row(unit, criterion, judged, since), changes


def _before(stored: StoredStatus | None, criterion: CriterionKey, unit: Unit, judge: Judge) -> PreviousVerdict:
    """Return the stored verdict, else the verdict without any figures: a first verdict is compared with silence."""
    if stored:
        return PreviousVerdict(stored.status, frozenset(stored.overdue), stored.series_from, stored.contradictory)
    unreported = judge.criterion_unreported(criterion, unit)
    return PreviousVerdict(unreported.status, frozenset(unreported.overdue))


def _cause(criterion: CriterionKey, submissions: Sequence[AcceptedSubmission], reference: Reference) -> UUID | None:
    """Return the id of the last submission with an element of the criterion."""
    for submission in reversed(submissions):
        if any(criterion in reference.sum_checks.criteria_judged_by(element) for element in submission.readings):
            return submission.id
    return None


def _reaches_back(differing: Sequence[Reading] | None, judge: Judge) -> bool:
    """Tell whether figures changed for days that have passed: the day since which the status holds may then change."""
    baseline = judge.reference.plan.baseline_date
    return differing is not None and any(
        effective_date(reading.period, reading.known_from, baseline) < judge.on for reading in differing
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
        "series_from": judged.series_from,
        "contradictory": judged.is_contradictory,
        "reported_from": judged.arrived.first if judged.arrived else None,
        "reported": sorted(period.text for period in judged.arrived.periods) if judged.arrived else None,
    }


def criteria_touched(unit: Unit, readings: Sequence[Reading], reference: Reference) -> list[CriterionKey]:
    """Return the criteria by which the unit is judged and whose verdicts depend on one of the readings' elements."""
    if unit.kind not in reference.plan.counted_kinds:
        return []
    measured = {key: None for reading in readings for key in reference.sum_checks.criteria_judged_by(reading.element)}
    return [key for key in measured if reference.judges(unit, key)]


def known_pairs(pairs: Iterable[tuple[int, CriterionKey]], reference: Reference) -> list[tuple[int, CriterionKey]]:
    """Return the pairs of a unit and a criterion that the reference has; rows that name others are damaged."""

    def known(pair: tuple[int, CriterionKey]) -> tuple[int, CriterionKey]:
        reference.criterion(pair[1])
        return reference.units.by_key(pair[0]).key, pair[1]

    return read_rows(pairs, known).items


async def units_to_judge(
    transaction: Transaction, criteria: CriteriaByUnit, differing: Sequence[Reading] | None = None
) -> list[UnitToJudge]:
    """Read the figures by which these criteria of the units are judged, with those that the units inherited.

    Where only time has passed the newest do. Once the plan in force is closed, what it binds is judged by the figures
    of its time.
    """
    reference, closes = transaction.reference, transaction.reference.plan.closes
    figures = await _figures(transaction, criteria, are_newest=differing is None)
    units = [
        UnitToJudge(reference.units.by_key(unit), figures[unit], keys, differing) for unit, keys in criteria.items()
    ]
    if closes is None or transaction.moment.on <= closes:
        return units
    bound = [own for unit in units if (own := unit.of_criteria(reference.binds)).criteria]
    final = await judged_at(transaction.connection, [own.unit.key for own in bound], reference, closes)
    return [
        *(unit.of_criteria(lambda unit, key: not reference.binds(unit, key)) for unit in units),
        *(replace(own, figures=final[own.unit.key]) for own in bound),
    ]


async def _figures(
    transaction: Transaction, criteria: CriteriaByUnit, *, are_newest: bool = False
) -> dict[int, Figures]:
    """Read the figures by which these criteria of the units are judged, with those that the units inherited.

    `are_newest`: of units that inherit none only the newest, since only the passing of time is judged.
    """
    reference, lineage, plan = transaction.reference, transaction.reference.lineage, transaction.reference.plan
    day = transaction.moment.on if are_newest else date.min
    looked_back_from = {
        (member, element): day if len(family) == 1 else date.min
        for unit, keys in criteria.items()
        for family in [lineage.family(unit)]
        for key in keys
        for element in reference.sum_checks.elements_behind(key)
        for member in family
    }
    readings = await newest_readings_among(
        transaction.connection, looked_back_from, plan.horizon, plan.baseline_date, compared=()
    )
    return with_inherited({unit: readings.get(unit, _NOTHING) for unit in lineage.families(criteria)}, reference)


async def judge_again(transaction: Transaction, criteria: CriteriaByUnit) -> list[tuple[Status, Status]]:
    """Judge these criteria of the units by their stored figures and publish the changes; return each before and after.

    Also those that were judged today: their readings may have changed, and nobody knows which.
    """
    told: list[tuple[Status, Status]] = []
    for units in batched(criteria, _UNITS_AT_ONCE):
        some = {unit: criteria[unit] for unit in units}
        changes = await judge_units(transaction, await units_to_judge(transaction, some, differing=()))
        await publish_changes(transaction.connection, transaction.province, changes)
        told += [(change.before, change.after) for _, change, _ in changes]
    return told


def rebuilt_statuses(
    judge: Judge, unit: Unit, newest: Figures, final: Figures | None, bound: Collection[CriterionKey]
) -> Iterator[StatusValues]:
    """Yield the rows of a unit's statuses, made from its figures alone.

    They are of the criteria for which it has figures, and of those to which the plan binds it (`bound`): once the plan
    is closed these are judged by the figures of its time (`final`), all others by the `newest`.
    """
    if unit.valid_from > judge.on:
        return
    judge = judge.at(unit.last_day(judge.on))
    for criterion in dict.fromkeys((*criteria_touched(unit, list(newest.values()), judge.reference), *bound)):
        is_final = final is not None and judge.reference.binds(unit, criterion)
        figures = final if final is not None and is_final else newest
        judged = judge.criterion(criterion, unit, figures)
        if not judged.is_blank:
            yield _status_row(unit, criterion, judged, judge.criterion_since(criterion, unit, figures))
