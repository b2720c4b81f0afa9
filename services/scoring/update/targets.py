"""The commitments of districts and the province: judged from the sums of what lies below them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, PreviousVerdict, events, target_changes
from services.scoring.judging.judge import Verdict
from services.scoring.judging.targets import series_of, targets_of
from services.scoring.judging.verdicts import explain_target, judge_target, overdue_of, target_since
from services.scoring.storage import queries
from services.scoring.storage.tables import TargetRow
from services.scoring.update.published_changes import Found, holds_until, record, when
from shared.contracts.status import Status
from shared.postgres.statements import upsert
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit


async def begin_targets(connection: AsyncConnection, reference: Reference, on: date) -> None:
    """Have all of the plan's commitments judged from now on, also those of which nobody reports anything."""
    rows, stored = [], await queries.targets(connection)
    for commitment, target in targets_of(reference):
        if (commitment.id, target.key) in stored:
            continue
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
    wanted = await queries.take_targets(connection, moment.on)
    steps, stored = await queries.summed_increments(connection, wanted), await queries.targets(connection)
    rows: list[dict[str, Any]] = []
    changes: list[Found] = []
    for commitment, target in targets_of(reference):
        key = (commitment.id, target.key)
        if key not in wanted:
            continue
        row = stored.get(key)
        at = when(target, row, moment)
        observations = series_of(commitment, target, steps.get(key, {}), reference, at.on)
        verdict = judge_target(commitment, observations, reference, at.on)
        if row and row.overdue is not None:
            before = PreviousVerdict(Status(row.status), frozenset(row.overdue))
        else:
            silence = judge_target(commitment, (), reference, at.on)
            before = PreviousVerdict(silence.status, frozenset(overdue_of(silence)))
        if events(before, verdict.status, overdue_of(verdict)):
            assessment = explain_target(commitment, verdict, at.on)
            found = target_changes(before, target, commitment, assessment, reference, at)
            changes += [(target.key, change) for change in found]
        since = target_since(commitment, observations, reference, at.on)
        rows.append(_target_row(commitment, target, verdict, since))
    await upsert(connection, TargetRow, rows)
    await record(connection, changes)
    return len(changes)


def _target_row(commitment: Commitment, target: Unit, verdict: Verdict, since: date) -> dict[str, Any]:
    return {
        "commitment": commitment.id,
        "unit": target.key,
        "status": verdict.status.value,
        "since": since,
        "judged_on": verdict.on,
        "holds_until": holds_until(target, verdict.holds_until),
        "overdue": overdue_of(verdict),
        "moved": False,
    }
