"""The commitments of districts and the province: judged from the sums of the units below them."""

from __future__ import annotations

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, PreviousVerdict, events, target_changes
from services.scoring.judging.judge import explain_target, judge_target, overdue_of, target_since
from services.scoring.judging.targets import series_of, targets_of
from services.scoring.judging.verdict import Verdict
from services.scoring.storage.increments import summed_increments
from services.scoring.storage.locks import lock_targets
from services.scoring.storage.tables import TargetRow
from services.scoring.storage.targets import (
    StoredTarget,
    TargetValues,
    insert_targets,
    lock_outdated_targets,
    outdated_targets,
    stored_targets,
)
from services.scoring.update.judging_days import last_day_held, moment_to_judge
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from shared.postgres.statements import upsert
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit


async def judge_targets(connection: AsyncConnection, reference: Reference, moment: Moment) -> int:
    """Judge the commitments of districts and the province whose sums have moved, or whose verdict has run out.

    Apart from `score`, so that workers do not wait for each other at the province's sums. Returns the number of
    changes.
    """
    if not await outdated_targets(connection, moment.on):
        return 0
    await lock_targets(connection)
    taken = await lock_outdated_targets(connection, moment.on)
    steps, stored = await summed_increments(connection, taken), await stored_targets(connection)
    rows: list[TargetValues] = []
    changes: list[ChangeOfUnit] = []
    for commitment, target in targets_of(reference):
        key = (commitment.id, target.key)
        if key not in taken:
            continue
        row = stored.get(key)
        at = moment_to_judge(target, row.judged_on if row else None, moment)
        observations = series_of(commitment, target, steps.get(key, {}), reference, at.on)
        verdict = judge_target(commitment, observations, reference, at.on)
        before = _before(row, commitment, reference, at.on)
        if events(before, verdict.status, overdue_of(verdict)):
            assessment = explain_target(commitment, verdict, at.on)
            of_target = target_changes(before, target, commitment, assessment, reference, at)
            changes += [ChangeOfUnit(target.key, change) for change in of_target]
        since = target_since(commitment, observations, reference, at.on)
        rows.append(_target_row(commitment, target, verdict, since))
    await upsert(connection, TargetRow, rows)
    await publish_changes(connection, changes)
    return len(changes)


def _before(row: StoredTarget | None, commitment: Commitment, reference: Reference, on: date) -> PreviousVerdict:
    """Return the stored verdict, else the verdict on a commitment for which nobody has reported."""
    if row and row.overdue is not None:
        return PreviousVerdict(row.status, frozenset(row.overdue))
    unreported = judge_target(commitment, (), reference, on)
    return PreviousVerdict(unreported.status, frozenset(overdue_of(unreported)))


async def begin_targets(connection: AsyncConnection, reference: Reference, on: date) -> None:
    """Store a first verdict on each of the plan's commitments, so that those without reports are judged too."""
    rows, stored = [], await stored_targets(connection)
    for commitment, target in targets_of(reference):
        if (commitment.id, target.key) in stored:
            continue
        day = target.last_day(on)
        verdict = judge_target(commitment, (), reference, day)
        rows.append(_target_row(commitment, target, verdict, target_since(commitment, (), reference, day)))
    await insert_targets(connection, rows)


def _target_row(commitment: Commitment, target: Unit, verdict: Verdict, since: date) -> TargetValues:
    return {
        "commitment": commitment.id,
        "unit": target.key,
        "status": verdict.status.value,
        "since": since,
        "judged_on": verdict.on,
        "holds_until": last_day_held(target, verdict.holds_until),
        "overdue": overdue_of(verdict),
        "moved": False,
    }
