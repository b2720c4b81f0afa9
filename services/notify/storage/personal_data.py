"""The SQL of a contact's personal data: what is kept, its erasure, and the log of who asked for which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import NotSent
from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.contacts import StoredContact, erased_name
from services.notify.storage.tables import (
    AddressRow,
    AlertRow,
    AnswerRow,
    AttemptRow,
    BroughtRow,
    ContactRow,
    GatheredRow,
    GatheringRow,
    NoticeRow,
    PersonalDataRow,
)
from shared.postgres.statements import table_of

address, alert, answer, attempt = table_of(AddressRow), table_of(AlertRow), table_of(AnswerRow), table_of(AttemptRow)
brought, contact, log, notice = (
    table_of(BroughtRow),
    table_of(ContactRow),
    table_of(PersonalDataRow),
    table_of(NoticeRow),
)
gathered, gathering = table_of(GatheredRow), table_of(GatheringRow)

ERASED = "[đã xóa theo yêu cầu / erased]"
"""The mark that stands where personal data stood."""


class KeptNotice(NamedTuple):
    """A notice to a person, as it is kept."""

    at: datetime
    channel: str
    name: str
    address: str
    subject: str | None
    text: str | None
    status: str


class KeptAnswer(NamedTuple):
    """A mail by which a person answered, as it is kept."""

    at: datetime
    sender: str
    words: str


class Erased(NamedTuple):
    """The numbers of notices and answers that held a person's data."""

    notices: int
    answers: int


async def kept_notices(connection: AsyncConnection, person: StoredContact) -> list[KeptNotice]:
    """Return the notices to a person, oldest first."""
    columns = (notice.c.created_at, notice.c.channel, notice.c.name, notice.c.address)
    query = select(*columns, notice.c.subject, notice.c.text, notice.c.status)
    rows = await connection.execute(query.where(_to(person)).order_by(notice.c.created_at, notice.c.id))
    return [KeptNotice(*row) for row in rows]


async def kept_answers(connection: AsyncConnection, person: StoredContact) -> list[KeptAnswer]:
    """Return the mails by which a person answered, oldest first."""
    query = select(answer.c.at, answer.c.sender, answer.c.words).where(_answered_by(person)).order_by(answer.c.at)
    return [KeptAnswer(*row) for row in await connection.execute(query)]


async def erase(connection: AsyncConnection, person: StoredContact) -> Erased:
    """Remove a contact, and put a mark where its name, its addresses and the words to and from it are kept.

    Addresses that another contact has stay as they are: they are an office's. Notices that wait are sent no more. The
    contacts must be locked.
    """
    answers = await connection.execute(update(answer).where(_answered_by(person)).values(sender=ERASED, words=ERASED))
    own = select(notice.c.id).where(_to(person))
    await connection.execute(update(attempt).where(attempt.c.notice.in_(own)).values(detail=ERASED, provider_id=None))
    recorded = f"{person.contact.recipient} ({person.contact.name})"
    by_person = alert.c.acknowledged_by == recorded
    await connection.execute(
        update(alert)
        .where(by_person)
        .values(
            acknowledged_by=f"{person.contact.recipient} ({ERASED})",
            acknowledged_note=case((alert.c.acknowledged_note.is_not(None), ERASED)),
        )
    )
    waiting = {"status": NoticeStatus.PERMANENT_FAILURE.value, "reason": NotSent.NO_CONTACT.code, "due_at": None}
    await connection.execute(update(notice).where(_to(person), notice.c.due_at.is_not(None)).values(waiting))
    of_address = {"address": ERASED}
    theirs = _at_own_address(person, notice.c.channel, notice.c.address)
    marks: dict[str, Any] = {"name": ERASED, "text": ERASED, "subject": None, "html": None, "link_hash": None}
    alone = await connection.execute(update(notice).where(theirs).values(marks | of_address))
    shared = await connection.execute(update(notice).where(_to(person)).values(marks))
    held = _at_own_address(person, gathering.c.channel, gathering.c.address)
    await connection.execute(delete(gathered).where(gathered.c.gathering.in_(select(gathering.c.id).where(held))))
    await connection.execute(update(gathering).where(held).values(of_address | {"due_at": None}))
    await _forget(connection, person)
    return Erased(alone.rowcount + shared.rowcount, answers.rowcount)


async def _forget(connection: AsyncConnection, person: StoredContact) -> None:
    """Remove the contact itself, and that others name it; the file of contacts does not bring it again."""
    who = person.contact
    same = and_(brought.c.role == who.role, brought.c.unit == who.unit, brought.c.name == who.name)
    await connection.execute(update(brought).where(same).values(name=erased_name(who)))
    naming = and_(contact.c.unit == who.unit, contact.c.substitute == who.name)
    await connection.execute(update(contact).where(naming).values(substitute=None, away_from=None, away_until=None))
    await connection.execute(delete(address).where(address.c.contact == person.id))
    await connection.execute(delete(contact).where(contact.c.id == person.id))


async def record(connection: AsyncConnection, row: PersonalDataRow) -> None:
    """Record a person's request: that it came and waits, or that it was carried out."""
    await connection.execute(insert(log).values(row.model_dump()))


async def end_waiting(connection: AsyncConnection, person: UUID, kind: str) -> date | None:
    """Take the person's waiting requests of a kind out of the log, an erasure all of them; return when the first came.

    None where none waited.
    """
    of_kind = true() if kind == "erasure" else log.c.kind == kind
    ended = delete(log).where(log.c.contact == person, log.c.done_at.is_(None), of_kind).returning(log.c.asked_on)
    return min((await connection.execute(ended)).scalars(), default=None)


async def recorded(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return the requests as their rows have them: those that wait, then those that were carried out, newest first."""
    order = (log.c.done_at.desc().nulls_first(), log.c.answer_by, log.c.id)
    return (await connection.execute(select(log).order_by(*order))).all()


class Waiting(NamedTuple):
    """The number of requests that are to be answered by now and wait, and the first days on which one is due."""

    number: int
    answer_by: date
    carry_out_by: date


async def waiting_too_long(connection: AsyncConnection, today: date) -> Waiting | None:
    """Return the requests that wait on the last day for an answer, or after it; None where there are none."""
    due = select(func.count(), func.min(log.c.answer_by), func.min(log.c.carry_out_by))
    found = (await connection.execute(due.where(log.c.done_at.is_(None), log.c.answer_by <= today))).one()
    return Waiting(*found) if found[0] else None


def _to(person: StoredContact) -> ColumnElement[bool]:
    """Say that a notice went to the person: by name as the holder of its role, or to an address of its own."""
    by_name = and_(notice.c.recipient == str(person.contact.recipient), notice.c.name == person.contact.name)
    return or_(by_name, _at_own_address(person, notice.c.channel, notice.c.address))


def _answered_by(person: StoredContact) -> ColumnElement[bool]:
    own = select(notice.c.id).where(_to(person))
    return or_(answer.c.notice.in_(own), _at_own_address(person, "email", answer.c.sender))


def _at_own_address(person: StoredContact, channel: Any, text: ColumnElement[str]) -> ColumnElement[bool]:
    """Say that an address is one of the person's, and no other contact's."""
    other = address.alias("other")
    is_shared = select(other.c.contact).where(
        other.c.channel == address.c.channel, other.c.address == address.c.address, other.c.contact != person.id
    )
    own = select(address.c.contact).where(
        address.c.contact == person.id, address.c.channel == channel, address.c.address == text, ~is_shared.exists()
    )
    return own.exists()
