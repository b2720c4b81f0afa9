"""The commitments of districts and the province: judged from the sums of the units below them."""

from __future__ import annotations

from datetime import date

from services.scoring.judging.assessments import explain_target
from services.scoring.judging.changes import ChangesAt, PreviousVerdict, events
from services.scoring.judging.judge import Judge, overdue_of
from services.scoring.judging.verdict import Verdict
from services.scoring.storage.increments import step, summed_increments
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
from services.scoring.update.judging_days import held_before, last_day_held, moment_to_judge
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.transaction import Transaction
from shared.postgres.statements import upsert
from shared.reference.models import Commitment, Unit


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
    if not (stored := await lock_outdated_targets(connection, plan, transaction.moment.on)):
        return []
    sums, damaged = await summed_increments(connection, plan, stored)
    if damaged:
        await ask_to_fill(connection, step.name)
    rows: list[TargetValues] = []
    changes: list[ChangeOfUnit] = []
    for commitment, target in reference.targets:
        key = (commitment.id, target.key)
        if key not in stored or key in damaged:
            continue
        row = stored[key]
        moment = moment_to_judge(target, row.judged_on if row else None, transaction.moment)
        judge = transaction.judge.at(moment.on)
        increments = sums.get(key, {})
        observations = judge.observations_of(commitment, target, increments)
        verdict = judge.target(commitment, observations)
        before = _before(row, commitment, judge)
        if events(before, verdict.status, overdue_of(verdict)):
            assessment = explain_target(
                commitment, verdict, reference.kinds_summed(commitment), reference.formula_behind(commitment)
            )
            of_target = ChangesAt(reference, moment, transaction.cause).of_target(
                commitment, target, before, assessment, verdict.series_from
            )
            changes += [ChangeOfUnit(target.key, change, is_in_force) for change in of_target]
        # else days before may be judged otherwise too: a sum over the year that begins has a value since the first day
        is_of_today = transaction.cause in ("figure", "time") and min(increments, default=judge.on) < judge.on
        known = _known_since(row, commitment, target, verdict, judge) if is_of_today else None
        since = known or judge.target_since(commitment, observations)
        rows.append(_target_row(plan, commitment, target, verdict, since))
    await upsert(connection, TargetRow, rows)
    return changes


def _before(row: StoredTarget | None, commitment: Commitment, judge: Judge) -> PreviousVerdict:
    """Return the stored verdict, else the verdict on a commitment for which nobody has reported."""
    if row and row.overdue is not None:
        return PreviousVerdict(row.status, frozenset(row.overdue), row.series_from)
    unreported = judge.target(commitment, ())
    return PreviousVerdict(unreported.status, frozenset(overdue_of(unreported)))


def _known_since(
    row: StoredTarget | None, commitment: Commitment, target: Unit, verdict: Verdict, judge: Judge
) -> date | None:
    """Return the day since which the status holds where the stored one tells; None: all days have to be looked at."""
    if row is None or not row.stands_until(judge.on):
        return None
    if judge.at(row.judged_on).expected(commitment, target) != judge.expected(commitment, target):
        return None  # sums of days before are judged by what is expected today
    is_same = verdict.status == row.status
    if held_before(judge.on, row.since, row.judged_on, row.holds_until):
        return row.since if is_same else judge.on
    return row.since if is_same and row.since == judge.on else None


async def begin_targets(transaction: Transaction) -> None:
    """Store a first verdict on each of the plan's commitments, so that those without reports are judged too."""
    plan = transaction.reference.plan.id
    rows, stored = [], await stored_targets(transaction.connection, plan)
    for commitment, target in transaction.reference.targets:
        if (commitment.id, target.key) in stored:
            continue
        judge = transaction.judge.at(target.last_day(transaction.moment.on))
        verdict, since = judge.target(commitment, ()), judge.target_since(commitment, ())
        rows.append(_target_row(plan, commitment, target, verdict, since))
    await insert_targets(transaction.connection, rows)


def _target_row(plan: str, commitment: Commitment, target: Unit, verdict: Verdict, since: date) -> TargetValues:
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
    }
