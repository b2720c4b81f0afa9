"""The repair of the stream of submissions: what it has lost is published again from the tables.

Scoring keeps each submission's message to the byte, intake the receipts, and the messages of reviews, withdrawals and
evidence.
What is published again has the id, the headers, the content and the signature that it had, and a new number, in the
former order. The services know it already, so no verdict changes; intake's receipts take over the new numbers.

A stream that was made anew, or put back from an older copy, gives out numbers that the tables know as those of other
messages. It is emptied and goes on behind them, once the tables have all that it holds. Until then, and where it would
drop a message as a repeated one, it takes nothing for a moment: intake then asks its senders to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.admission.digest import proves
from services.intake.admission.messages import (
    claim,
    evidence_message,
    review_message,
    submission_message,
    withdrawal_message,
)
from services.intake.storage.lost_messages import LostDecision, LostMessages, LostSubmission, UnscoredReceipt
from services.intake.storage.tables import EvidenceRow, ReviewRow, WithdrawalRow
from shared.contracts import subjects
from shared.contracts.evidence import Evidence
from shared.contracts.submission import AcceptedSubmission, Review, Withdrawal
from shared.nats.closed_streams import closed, reopen
from shared.nats.cloud_events import Message
from shared.nats.consumers import ensure_consumers
from shared.nats.publishing import BATCH_LIMIT
from shared.nats.refilling import publish_again
from shared.nats.stream_reader import read_stream
from shared.nats.streams import ensure_stream
from shared.postgres.locks import may_repair
from shared.reference.units import Units
from shared.service.proof import Proof
from shared.signatures import HEADER as SIGNATURE

_STREAM = subjects.SUBMISSIONS_STREAM

type _KeptEvent = Review | Withdrawal | Evidence

_KEPT_EVENTS: Sequence[tuple[str, type[ReviewRow | WithdrawalRow | EvidenceRow], type[_KeptEvent]]] = (
    (subjects.ALL_REVIEWS, ReviewRow, Review),
    (subjects.ALL_WITHDRAWALS, WithdrawalRow, Withdrawal),
    (subjects.ALL_EVIDENCE, EvidenceRow, Evidence),
)
"""The stream's families besides the submissions, whose tables keep each message to the byte, and their contracts."""
_PATIENCE_SECONDS = 30.0


class RepairRunsError(Exception):
    """Another repair runs."""


class UnkeptMessagesError(Exception):
    """The stream has to be emptied and holds messages that no table has yet."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Repair:
    """The outcome of a repair."""

    was_made: bool = False
    """The stream did not exist."""
    was_closed: bool = False
    """A repair that was cut off had left the stream closed."""
    goes_on_from: int | None = None
    """The number from which on the stream goes on, where its numbers were those of other messages."""
    restored: dict[str, int] = field(default_factory=dict)
    """The number of messages that were published again, by the family of their subjects."""
    removed: list[str] = field(default_factory=list)
    """Damaged messages in whose place the sound ones stand now."""
    damaged: list[UUID] = field(default_factory=list)
    """Messages that the stream has lost and of which the tables hold something else."""
    lost: Sequence[UnscoredReceipt] = ()
    """Submissions with a receipt that neither the stream nor scoring has."""

    @property
    def is_whole(self) -> bool:
        """Return whether the stream has again everything that was accepted."""
        return not (self.damaged or self.lost)


async def repair(engine: AsyncEngine, nats: Client, scored: Table, parked: Sequence[Table], units: Units) -> Repair:
    """Publish again what the stream has lost, beside the running services. Safe to repeat.

    `scored`: scoring's table of submissions; `parked`: the tables of parked messages, scoring's first.
    RepairRunsError where another repair runs.
    """
    result = Repair()
    js, proof = nats.jetstream(), await Proof.of(engine, nats)
    async with engine.connect() as connection, engine.connect() as snapshot:
        if not await may_repair(connection):
            raise RepairRunsError
        result.was_closed = await reopen(js, _STREAM)
        result.was_made = await ensure_stream(js, _STREAM)
        if result.was_made:
            await ensure_consumers(js, _STREAM)
        known = LostMessages(connection, scored, parked)
        highest = await known.highest_number()
        if (await js.stream_info(_STREAM)).state.last_seq < highest:
            await _go_on_behind(nats, highest, known, proof)
            result.goes_on_from = highest + 1
        # The tables as they are before the stream is read: what is accepted meanwhile would seem to be lost.
        await snapshot.execution_options(isolation_level="REPEATABLE READ")
        lost = LostMessages(snapshot, scored, parked)
        await lost.begin()
        damaged = await _note_stream(nats, lost, proof)
        decisions = await _decisions(lost, units, proof, result)
        restored: set[UUID] = set()
        position = 0
        async for rows in lost.submissions():
            messages: list[Message] = []
            for row in rows:
                submission = _sound(row)
                if submission is None:
                    result.damaged.append(row.id)
                    continue
                message = _message(submission, row)
                if not proof.is_signed(_STREAM, message, submission.received_at):
                    result.damaged.append(row.id)
                    continue
                before = position
                while position < len(decisions) and decisions[position][0] < submission.received_at:
                    position += 1
                messages += [message for _, message in decisions[before:position]]
                messages.append(message)
                restored.add(row.id)
            await _publish(nats, messages, result)
        await _publish(nats, [message for _, message in decisions[position:]], result)
        for number, submission_id in damaged:
            if submission_id in restored:
                await js.delete_msg(_STREAM, number)
                result.removed.append(f"{number} {submission_id}")
        result.lost = await lost.unscored()
    return result


async def _note_stream(nats: Client, lost: LostMessages, proof: Proof) -> list[tuple[int, UUID]]:
    """Note what the stream holds; return the numbers and ids of messages that are not what was accepted."""
    damaged: list[tuple[int, UUID]] = []
    async for batch in _messages(nats):
        ids = []
        for message in batch:
            if (found := _identified(message, proof)) is None:
                continue
            submission_id, is_sound = found
            if is_sound:
                ids.append(submission_id)
            else:
                damaged.append((message.metadata.sequence.stream, submission_id))
        await lost.note(ids)
    return damaged


async def _messages(nats: Client) -> AsyncIterator[list[Msg]]:
    for family in subjects.KEPT[_STREAM]:
        async for batch in read_stream(nats, _STREAM, family):
            yield batch


def _identified(message: Msg, proof: Proof) -> tuple[UUID, bool] | None:
    """Return a message's id, and whether its content is what was accepted; None where it cannot be read."""
    is_signed = proof.fault(message) is None
    try:
        if subjects.is_in(message.subject, subjects.ALL_SUBMISSIONS):
            submission = AcceptedSubmission.model_validate_json(message.data)
            return submission.id, is_signed and proves(submission.digest, submission)
        kind = next(kind for family, _, kind in _KEPT_EVENTS if subjects.is_in(message.subject, family))
        return kind.model_validate_json(message.data).id, is_signed
    except ValidationError:
        return None


def _sound(row: LostSubmission) -> AcceptedSubmission | None:
    """Return a stored submission; None where its content is not what was accepted."""
    try:
        submission = AcceptedSubmission.model_validate_json(row.body)
    except ValidationError:
        return None
    is_meant = (submission.id, submission.digest) == (row.id, row.digest)
    return submission if is_meant and proves(submission.digest, submission) else None


def _message(submission: AcceptedSubmission, row: LostSubmission) -> Message:
    message = submission_message(submission, row.body.encode(), row.request, row.request_digest, None)
    if row.request is not None and row.request_digest is not None and row.leads:
        claim(message, submission.agency, row.request)
    if row.signature is not None:  # else it is signed as it is published
        message.headers[SIGNATURE] = row.signature
    return message


async def _decisions(lost: LostMessages, units: Units, proof: Proof, result: Repair) -> list[tuple[datetime, Message]]:
    """Return what the stream has lost besides submissions as messages, oldest first; note the damaged ones."""
    messages: list[tuple[datetime, Message]] = []
    for _, table, kind in _KEPT_EVENTS:
        for row in await lost.decisions(table):
            message = _decision_message(row, kind, units)
            if message is None or not proof.is_signed(_STREAM, message, row.at):
                result.damaged.append(row.id)
            else:
                messages.append((row.at, message))
    return sorted(messages, key=lambda dated: dated[0])


def _decision_message(row: LostDecision, kind: type[_KeptEvent], units: Units) -> Message | None:
    """Return the message of a review, a withdrawal or evidence; None where the row's content is not that of its id."""
    try:
        decision = kind.model_validate(row.body) if row.message is None else kind.model_validate_json(row.message)
    except ValidationError:
        return None
    if decision.id != row.id:
        return None
    made = _made_again(decision, units)
    # what was not kept to the byte, or not signed, is made again and signed as it is published
    body = made.body if row.message is None else row.message.encode()
    headers = made.headers if row.signature is None else {**made.headers, SIGNATURE: row.signature}
    return Message(made.subject, body, headers)


def _made_again(decision: _KeptEvent, units: Units) -> Message:
    match decision:
        case Evidence():
            return evidence_message(decision, None)
        case Review():
            return review_message(decision, _district(decision, units), None)
        case Withdrawal():
            return withdrawal_message(decision, _district(decision, units), None)


def _district(decision: Review | Withdrawal, units: Units) -> str | None:
    """Return the code of the district under which a decision was published."""
    unit = units.find(decision.unit, decision.period.end)
    district = units.district(unit) if unit else None
    return district.code if district else None


async def _publish(nats: Client, messages: Iterable[Message], result: Repair) -> None:
    for batch in batched(messages, BATCH_LIMIT):
        await publish_again(nats, _STREAM, batch)
        for message in batch:
            family = next(one for one in subjects.KEPT[_STREAM] if subjects.is_in(message.subject, one))
            result.restored[family] = result.restored.get(family, 0) + 1


async def _go_on_behind(nats: Client, number: int, lost: LostMessages, proof: Proof) -> None:
    """Empty the stream, so that its next message has a number behind this one.

    UnkeptMessagesError where it holds messages that no table has after a while.
    """
    async with closed(nats.jetstream(), _STREAM):
        waited = 0.0
        while unknown := await _unknown(nats, lost, proof):
            if waited >= _PATIENCE_SECONDS:
                raise UnkeptMessagesError(unknown)
            await asyncio.sleep(0.5)
            waited += 0.5
        await nats.jetstream().purge_stream(_STREAM, seq=number + 1)


async def _unknown(nats: Client, lost: LostMessages, proof: Proof) -> int:
    """Return the number of sound messages on the stream that no table has yet; the others are parked."""
    number = 0
    async for batch in _messages(nats):
        ids = [found[0] for message in batch if (found := _identified(message, proof)) and found[1]]
        number += len(await lost.unknown(ids))
    return number
