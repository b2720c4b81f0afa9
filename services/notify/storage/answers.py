"""The SQL of answers to notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.answer import AnswerMeaning
from services.notify.storage.notices import NOTICE_COLUMNS, StoredNotice, mention, notice
from services.notify.storage.tables import AnswerRow
from shared.postgres.statements import table_of

answer = table_of(AnswerRow)


class StoredAnswer(NamedTuple):
    """An answer as its row has it; the fields are those of `AnswerRow`."""

    digest: bytes
    notice: UUID | None
    at: datetime
    sender: str
    meaning: str
    words: str


class AlertNote(NamedTuple):
    """The words of an answer about an alert that does not acknowledge it; `recipient`: `role@unit`."""

    alert: UUID
    at: datetime
    recipient: str
    name: str
    words: str


async def record_answer(connection: AsyncConnection, new: StoredAnswer) -> bool:
    """Store an answer; say whether it is new. Who stores the same one waits until this transaction ends."""
    statement = insert(answer).values(new._asdict()).on_conflict_do_nothing().returning(answer.c.digest)
    return bool((await connection.execute(statement)).first())


async def notice_answered(connection: AsyncConnection, notice_id: UUID) -> StoredNotice | None:
    """Return the notice of this id; None where there is none."""
    row = (await connection.execute(select(*NOTICE_COLUMNS).where(notice.c.id == notice_id))).one_or_none()
    return StoredNotice(*row) if row else None


async def answers_of(connection: AsyncConnection, notices: Collection[UUID]) -> Mapping[UUID, Sequence[StoredAnswer]]:
    """Return the answers to notices, by notice, oldest first."""
    found: dict[UUID, list[StoredAnswer]] = {}
    query = select(*(answer.c[name] for name in StoredAnswer._fields)).where(answer.c.notice.in_(notices))
    for row in await connection.execute(query.order_by(answer.c.at, answer.c.digest)):
        found.setdefault(row.notice, []).append(StoredAnswer(*row))
    return found


async def notes_about(connection: AsyncConnection, alerts: Collection[UUID]) -> Mapping[UUID, Sequence[AlertNote]]:
    """Return the notes in answers to the notices that tell these alerts, by alert, oldest first."""
    found: dict[UUID, list[AlertNote]] = {}
    columns: tuple[Any, ...] = (mention.c.alert, answer.c.at, notice.c.recipient, notice.c.name, answer.c.words)
    query = (
        select(*columns)
        .join_from(mention, notice, notice.c.id == mention.c.notice)
        .join(answer, answer.c.notice == notice.c.id)
        .where(mention.c.alert.in_(alerts), mention.c.left_out.is_(None), answer.c.meaning == AnswerMeaning.NOTE.code)
    )
    for row in await connection.execute(query.order_by(answer.c.at, answer.c.digest)):
        found.setdefault(row.alert, []).append(AlertNote(*row))
    return found
