"""The SQL of the rebuild: alerts, notices and acknowledgements that the tables lack and the streams have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.alert_rows import NewAlert
from services.notify.storage.alerts import end_alerts, record_alerts
from services.notify.storage.escalations import NewEscalation, begin_escalations
from services.notify.storage.notices import MentionValues, StoredNotice, record_notices
from services.notify.storage.tables import (
    AlertRow,
    EscalationRow,
    GatheredRow,
    GatheringRow,
    MentionRow,
    NoticeRow,
    ParkedRow,
)
from shared.contracts import subjects
from shared.postgres.locks import lock_all
from shared.postgres.statements import table_of
from shared.working_days import after_working_days

_AT_ONCE = 1000
_LOCKED = [
    f"notify.{table_of(model).name}"
    for model in (AlertRow, NoticeRow, MentionRow, EscalationRow, GatheringRow, GatheredRow)
]

alert, escalation = table_of(AlertRow), table_of(EscalationRow)
parked = table_of(ParkedRow)

UNTOLD = "not told before notify's tables were lost"
"""The reason for which the rebuild parks a message, until the service tells it."""


_ENDED = """
    unnest(CAST(:notice AS uuid[]), CAST(:alert AS uuid[]), CAST(:recipient AS text[]), CAST(:channel AS text[]),
        CAST(:status AS text[]), CAST(:at AS timestamptz[])) AS e(notice, alert, recipient, channel, status, at)
"""
# of a notice that waits: Zalo took it, as the log says too, and an SMS follows unless a report comes
_KNOWN_UNTIL = """greatest(
    coalesce(n.resent_at, n.made_at, n.created_at),
    (SELECT max(coalesce(t.ended_at, t.finished_at)) FROM notify.attempt AS t WHERE t.notice = n.id)
)"""
_NOT_DUE = text(f"""
    UPDATE notify.notice AS n SET status = e.status, due_at = NULL, attempts = greatest(n.attempts, 1)
    FROM {_ENDED} WHERE n.id = e.notice AND n.due_at IS NOT NULL AND e.at > {_KNOWN_UNTIL}
""")  # noqa: S608 - names of ours
_REPEATED_LATER = text(f"""
    UPDATE notify.gathering AS g SET told_at = t.at, due_at = t.at + (g.due_at - g.told_at)
    FROM (
        SELECT n.gathering, max(e.at) AS at
        FROM {_ENDED} JOIN notify.mention AS m ON m.alert = e.alert
            JOIN notify.notice AS n ON n.id = m.notice AND n.recipient = e.recipient AND n.channel = e.channel
        WHERE n.gathering IS NOT NULL AND NOT EXISTS (SELECT FROM notify.notice AS o WHERE o.id = e.notice)
        GROUP BY n.gathering
    ) AS t
    WHERE g.id = t.gathering AND g.waits = 'repeat' AND g.due_at IS NOT NULL AND g.told_at < t.at
""")  # noqa: S608 - names of ours
_NOT_GATHERED = text(f"""
    DELETE FROM notify.gathered AS w USING notify.gathering AS g, {_ENDED}
    WHERE g.id = w.gathering AND w.alert = e.alert AND g.recipient = e.recipient AND g.channel = e.channel
        AND NOT EXISTS (SELECT FROM notify.notice AS o WHERE o.id = e.notice)
""")  # noqa: S608 - names of ours
_UNKNOWN = text(f"""
    SELECT EXISTS (
        SELECT FROM {_ENDED} JOIN notify.alert AS a ON a.id = e.alert LEFT JOIN notify.notice AS n ON n.id = e.notice
        WHERE n.id IS NULL AND a.kind <> 'operation' AND e.status <> :failed
            OR n.due_at IS NOT NULL AND e.at > {_KNOWN_UNTIL}
    )
""")  # noqa: S608 - names of ours


class Acknowledged(NamedTuple):
    """An acknowledgement as the log of alerts has it."""

    alert: UUID
    at: datetime
    by: str
    note: str | None


class EndedNotice(NamedTuple):
    """A notice of an alert that was told, has failed or was withheld, as the log of alerts has it."""

    notice: UUID
    alert: UUID
    recipient: str
    channel: str
    status: str
    at: datetime


class Climbed(NamedTuple):
    """An alert that has climbed to a step of a branch, with the working days after which it climbs on; None: never."""

    alert: UUID
    branch: str
    step: int
    after_working_days: int | None


class UntoldMessage(NamedTuple):
    """A message of the stream STATUS that is to be told."""

    sequence: int
    subject: str
    headers: dict[str, str]
    body: str


async def hold_off_service(connection: AsyncConnection) -> None:
    """Let the service record nothing until the transaction ends."""
    await lock_all(connection, _LOCKED, "SHARE ROW EXCLUSIVE")


async def missing_alerts(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these alerts the table lacks."""
    wanted = set(ids)
    for some in batched(ids, _AT_ONCE):
        wanted.difference_update(await connection.scalars(select(alert.c.id).where(alert.c.id == func.any(list(some)))))
    return wanted


async def record(
    connection: AsyncConnection, rows: Sequence[NewAlert], ends: Sequence[tuple[str, str]], now: datetime
) -> None:
    """Store alerts, and end those that a newer one has ended."""
    new: set[UUID] = set()
    for some in batched(rows, _AT_ONCE):
        new |= await record_alerts(connection, some)
    if new:
        await end_alerts(connection, new, ends, now)


async def record_told(
    connection: AsyncConnection, notices: Sequence[StoredNotice], mentions: Sequence[MentionValues]
) -> int:
    """Store notices that were told, with their alerts; return the number of new ones."""
    of_notice: dict[UUID, list[MentionValues]] = {}
    for mention in mentions:
        of_notice.setdefault(mention["notice"], []).append(mention)
    new = 0
    for some in batched(notices, _AT_ONCE):
        own = [mention for notice in some for mention in of_notice[notice.id]]
        new += len(await record_notices(connection, some, own))
    return new


async def settle(connection: AsyncConnection, ended: Sequence[EndedNotice]) -> int:
    """End the notices that are due though they have ended, and let what they told wait in no gathering any more.

    Returns how many rows were to be told again. What was sent again, or gathered again, later than it ended stays.
    """
    number = 0
    for some in batched(ended, _AT_ONCE):
        for statement in (_NOT_DUE, _REPEATED_LATER, _NOT_GATHERED):
            number += (await connection.execute(statement, _arrays(some))).rowcount
    return number


async def lack_notices(connection: AsyncConnection, ended: Sequence[EndedNotice]) -> bool:
    """Say whether the tables lack one of these notices, or are still to send it.

    Of alerts that they know: events that they lack show by themselves. Notices of the system's own alerts, which no
    stream makes again, may be lacking, and those that failed: a rebuild has their alerts told again.
    """
    return bool(ended) and bool(
        await connection.scalar(_UNKNOWN, {**_arrays(ended), "failed": NoticeStatus.PERMANENT_FAILURE})
    )


def _arrays(ended: Sequence[EndedNotice]) -> dict[str, list[object]]:
    return dict(zip(EndedNotice._fields, map(list, zip(*ended, strict=True)), strict=True))


async def lack_acknowledgements(connection: AsyncConnection, acknowledged: Collection[UUID]) -> bool:
    """Say whether one of these alerts, all of them acknowledged, is not so in the table."""
    lacking = select(alert.c.id).where(alert.c.id == func.any(list(acknowledged)), alert.c.acknowledged_at.is_(None))
    return bool(await connection.scalar(select(lacking.exists())))


async def climb_on(connection: AsyncConnection, climbed: Sequence[Climbed]) -> int:
    """Move escalations on that are at an earlier step; return how many there were."""
    number = 0
    for one in climbed:
        is_behind = (
            escalation.c.alert == one.alert,
            escalation.c.branch == one.branch,
            escalation.c.step < one.step,
        )
        since = await connection.scalar(select(escalation.c.since).where(*is_behind))
        if since is None:
            continue
        number += 1
        if one.after_working_days is None:
            await connection.execute(delete(escalation).where(*is_behind))
        else:
            due_at = after_working_days(since, one.after_working_days)
            await connection.execute(update(escalation).where(*is_behind).values(step=one.step, due_at=due_at))
    return number


async def acknowledge(connection: AsyncConnection, acknowledged: Sequence[Acknowledged]) -> int:
    """Note the acknowledgements that the table lacks; return their number."""
    number = 0
    for one in acknowledged:
        noted = update(alert).where(alert.c.id == one.alert, alert.c.acknowledged_at.is_(None))
        values = {"acknowledged_at": one.at, "acknowledged_by": one.by, "acknowledged_note": one.note}
        number += (await connection.execute(noted.values(**values))).rowcount
    return number


async def climb_again(connection: AsyncConnection, rows: Sequence[NewEscalation]) -> None:
    """Let alerts climb on, but for those that are over or acknowledged."""
    await begin_escalations(connection, rows)
    over = select(alert.c.id).where(alert.c.ended_at.is_not(None) | alert.c.acknowledged_at.is_not(None))
    ids = [row["alert"] for row in rows]
    await connection.execute(
        delete(escalation).where(escalation.c.alert == func.any(ids), escalation.c.alert.in_(over))
    )


async def leave_to_service(connection: AsyncConnection, messages: Sequence[UntoldMessage], now: datetime) -> None:
    """Park messages that are to be told, so that the service tells them when they are replayed."""
    for some in batched(messages, _AT_ONCE):
        rows = [
            {
                "stream": subjects.STATUS_STREAM,
                "sequence": message.sequence,
                "subject": message.subject,
                "reason": UNTOLD,
                "headers": message.headers,
                "body": message.body,
                "parked_at": now,
                "state": "parked",
            }
            for message in some
        ]
        await connection.execute(insert(parked).on_conflict_do_nothing(), rows)


async def untold(connection: AsyncConnection) -> Sequence[int]:
    """Return the numbers of the oldest messages that are left to the service."""
    left = select(parked.c.number).where(parked.c.state == "parked", parked.c.reason == UNTOLD)
    return (await connection.scalars(left.order_by(parked.c.number).limit(_AT_ONCE))).all()
