"""The use case of taking an answer to a mail: it acknowledges the notice's alerts, or is a note, or is recorded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notify.alerts.answer import AnswerMeaning
from services.notify.alerts.answer_addresses import AnswerAddresses
from services.notify.alerts.links import VALID_FOR
from services.notify.answers.mail import Mail, read_mail
from services.notify.storage.alerts import alerts_of_notice
from services.notify.storage.answers import StoredAnswer, notice_answered, record_answer
from services.notify.storage.notices import StoredNotice
from services.notify.telling.acknowledge import acknowledge, recipient_takes
from shared.reference.load import Reference
from shared.service.clock import Clock
from shared.text import storable

log = structlog.get_logger()

ANSWERS = Counter("ntm_answers", "Answers to mails, by what followed from them", ["meaning"])

_LONGEST_SENDER = 320


@dataclass(frozen=True, slots=True)
class Office:
    """The means by which answers are judged: the maker of their addresses, the clock, and the offices of the day."""

    addresses: AnswerAddresses
    clock: Clock
    reference: Reference


async def take_answer(engine: AsyncEngine, raw: bytes, office: Office) -> AnswerMeaning | None:
    """Take a mail, in one transaction; return what followed from it, None where it was taken before."""
    try:
        mail = await asyncio.to_thread(read_mail, raw)
    except Exception:  # a worker's edge: a mail that cannot be read keeps no other from being read
        log.exception("answer cannot be read", bytes=len(raw))
        mail = None
    async with engine.begin() as connection:
        notice, meaning = await _judge(connection, mail, office)
        taken = StoredAnswer(
            digest=sha256(raw).digest(),
            notice=notice.id if notice else None,
            at=office.clock.now(),
            sender=storable(", ".join(mail.senders) if mail else "")[:_LONGEST_SENDER],
            meaning=meaning.code,
            words=mail.words if mail and notice else "",
        )
        if not await record_answer(connection, taken):
            return None
        if mail and notice and meaning is AnswerMeaning.ACKNOWLEDGED:
            told = [row.alert for row in await alerts_of_notice(connection, notice.id) if row.left_out is None]
            responsible = recipient_takes(notice, mail.note or None, office.clock, office.reference)
            await acknowledge(connection, [alert.id for alert in told if alert.opens], responsible)
    ANSWERS.labels(meaning.code).inc()
    log.info("answer taken", meaning=meaning.code, notice=str(notice.id) if notice else None)
    return meaning


async def _judge(
    connection: AsyncConnection, mail: Mail | None, office: Office
) -> tuple[StoredNotice | None, AnswerMeaning]:
    """Return the notice that a mail answers, None where it proves none, and what follows from it."""
    if mail is None:
        return None, AnswerMeaning.UNREADABLE
    token = office.addresses.token_in(mail.recipients)
    notice = await notice_answered(connection, token.notice) if token else None
    if not token or not notice or not office.addresses.proves(token, notice.address):
        return None, AnswerMeaning.UNKNOWN
    if mail.is_automatic:
        return notice, AnswerMeaning.AUTOMATIC
    if [sender.casefold() for sender in mail.senders] != [notice.address.casefold()]:
        return notice, AnswerMeaning.OTHER_SENDER
    if notice.created_at + VALID_FOR < office.clock.now():
        return notice, AnswerMeaning.EXPIRED
    if not mail.words:
        return notice, AnswerMeaning.UNREADABLE
    return notice, AnswerMeaning.ACKNOWLEDGED if mail.says_received else AnswerMeaning.NOTE
