"""The commitments of districts and the province: judged from the sums of the units below them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from services.scoring.judging.assessments import explain_target
from services.scoring.judging.changes import ChangesAt, Moment, PreviousVerdict, events
from services.scoring.judging.increments import Sum
from services.scoring.judging.judge import Judge, overdue_of
from services.scoring.judging.observations import EarlierFiguresNeededError
from services.scoring.judging.verdict import Verdict
from services.scoring.storage.increments import newest_sums, step, summed_increments
from services.scoring.storage.refills import ask_to_fill
from services.scoring.storage.tables import TargetRow
from services.scoring.storage.targets import (
    StoredTarget,
    TargetValues,
    insert_targets,
    lock_outdated_targets,
    lock_targets_if_free_and_outdated,
    lock_targets_if_outdated,
    stored_targets,
)
from services.scoring.update.held_since import known_since
from services.scoring.update.judging_days import last_day_held, moment_to_judge
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.transaction import Transaction
from shared.contracts.status import Status
from shared.contracts.verdict_change import TargetChanged
from shared.postgres.statements import upsert
from shared.reference.models import Commitment, Unit

_MAY_LOOK_FOR_PATH = frozenset({Status.ON_TRACK, Status.BEHIND, Status.NO_DATA})


class _ToJudge(NamedTuple):
    """A commitment with its stored status, and the moment at which it is to be judged."""

    commitment: Commitment
    target: Unit
    row: StoredTarget | None
    moment: Moment
    held: StoredTarget | None
    """The stored status, if sums of days before are judged today as they were then; None: these are judged again."""

    @property
    def key(self) -> tuple[str, int]:
        return self.commitment.id, self.target.key

    @property
    def path_from(self) -> date | None:
        """A day before which no value leads the path; None: no such day is known."""
        day = self.held.path_from if self.held else None
        return day if day and self.held and self.held.stands_until(day) else None


async def judge_targets(transaction: Transaction) -> int:
    """Judge the commitments of districts and the province whose sums have moved, or whose verdict has run out.

    Apart from `score`, so that workers do not wait for each other at the province's sums. Returns the number of
    changes.
    """
    is_locked = await lock_targets_if_outdated(transaction.connection, transaction.moment.on)
    return await _judge_outdated(transaction) if is_locked else 0


async def judge_targets_if_free(transaction: Transaction) -> int:
    """Do what `judge_targets` does, where no other worker does it: what is left then, the next look finds."""
    is_locked = await lock_targets_if_free_and_outdated(transaction.connection, transaction.moment.on)
    return await _judge_outdated(transaction) if is_locked else 0


async def _judge_outdated(transaction: Transaction) -> int:
    changes = [change for own in transaction.of_each_plan for change in await _judge_targets(own, own is transaction)]
    await publish_changes(transaction.connection, transaction.province, changes)
    return len(changes)


async def _judge_targets(transaction: Transaction, is_in_force: bool) -> list[ChangeOfUnit]:
    """Judge the commitments of one plan that are outdated; those whose sums are damaged once these are filled again."""
    connection, reference, plan = transaction.connection, transaction.reference, transaction.reference.plan.id
    stored = await lock_outdated_targets(connection, plan, transaction.moment.on)
    outdated = [
        _to_judge(transaction, commitment, target, stored[key])
        for commitment, target in reference.targets
        if (key := (commitment.id, target.key)) in stored
    ]
    if not outdated:
        return []
    baseline_date = reference.plan.baseline_date
    days = {one.key: (one.path_from or baseline_date, one.moment.on) for one in outdated}
    sums, damaged = await newest_sums(connection, plan, days)
    judged: list[tuple[TargetValues, Sequence[TargetChanged]]] = []
    far: list[_ToJudge] = []
    for one in outdated:
        if one.key in damaged:
            continue
        try:
            judged.append(_judge(transaction, one, sums[one.key]))
        except EarlierFiguresNeededError:
            far.append(one)
    if far:
        whole = await summed_increments(connection, plan, [one.key for one in far])
        damaged |= whole.damaged
        by_day = [(one, whole.by_day.get(one.key, {})) for one in far if one.key not in whole.damaged]
        judged += [_judge(transaction, one, Sum(increments, {})) for one, increments in by_day]
    if damaged:
        await ask_to_fill(connection, step.name)
    await upsert(connection, TargetRow, [row for row, _ in judged])
    return [ChangeOfUnit(row["unit"], change, is_in_force) for row, changes in judged for change in changes]


def _judge(transaction: Transaction, to_judge: _ToJudge, known: Sum) -> tuple[TargetValues, Sequence[TargetChanged]]:
    """Judge one commitment by what is known of its sum; return its new row and the changes."""
    commitment, target, row, moment, held = to_judge
    reference, judge = transaction.reference, transaction.judge.at(moment.on)
    path_from = to_judge.path_from
    observations = judge.newest_observations_of(commitment, target, known, path_from)
    verdict = judge.target(commitment, observations)
    before = _before(row, commitment, judge)
    changes: Sequence[TargetChanged] = ()
    if events(before, verdict.status, overdue_of(verdict)):
        assessment = explain_target(
            commitment, verdict, reference.kinds_summed(commitment), reference.formula_behind(commitment)
        )
        changes = ChangesAt(reference, moment, transaction.cause).of_target(
            commitment, target, before, assessment, verdict.series_from
        )
    # a sum over the year that begins has a value since the first day
    tells_since = held is not None and held.stands_until(judge.on) and known.begins < judge.on
    since = known_since(held if tells_since else None, verdict.status, judge.on)
    since = since or judge.target_since(commitment, observations)
    if verdict.status in _MAY_LOOK_FOR_PATH and verdict.requirement.leads and verdict.observation:
        day = verdict.baseline.on if verdict.baseline else verdict.on
        path_from = day if day > reference.plan.baseline_date else None
    return _target_row(reference.plan.id, commitment, target, verdict, since, path_from), changes


def _to_judge(transaction: Transaction, commitment: Commitment, target: Unit, row: StoredTarget | None) -> _ToJudge:
    moment = moment_to_judge(target, row.judged_on if row else None, transaction.moment)
    held = row if transaction.cause in ("figure", "time") else None
    if held:
        judge = transaction.judge
        then, now = (judge.at(day).expected(commitment, target) for day in (held.judged_on, moment.on))
        held = held if then == now else None
    return _ToJudge(commitment, target, row, moment, held)


def _before(row: StoredTarget | None, commitment: Commitment, judge: Judge) -> PreviousVerdict:
    """Return the stored verdict, else the verdict on a commitment for which nobody has reported."""
    if row and row.overdue is not None:
        return PreviousVerdict(row.status, frozenset(row.overdue), row.series_from)
    unreported = judge.target(commitment, ())
    return PreviousVerdict(unreported.status, frozenset(overdue_of(unreported)))


async def begin_targets(transaction: Transaction) -> None:
    """Store a first verdict on each of the plan's commitments, so that those without reports are judged too."""
    plan = transaction.reference.plan.id
    rows, stored = [], await stored_targets(transaction.connection, plan)
    for commitment, target in transaction.reference.targets:
        if (commitment.id, target.key) in stored:
            continue
        judge = transaction.judge.at(target.last_day(transaction.moment.on))
        verdict, since = judge.target(commitment, ()), judge.target_since(commitment, ())
        rows.append(_target_row(plan, commitment, target, verdict, since, None))
    await insert_targets(transaction.connection, rows)


def _target_row(
    plan: str, commitment: Commitment, target: Unit, verdict: Verdict, since: date, path_from: date | None
) -> TargetValues:
    return {
        "plan": plan,
        "commitment": commitment.id,
        "unit": target.key,
        "status": verdict.status.value,
        "since": since,
        "judged_on": verdict.on,
        "holds_until": last_day_held(target, verdict.holds_until),
        "overdue": overdue_of(verdict),
        "series_from": verdict.series_from,
        "moved": False,
        "moved_from": None,
        "path_from": path_from,
    }
