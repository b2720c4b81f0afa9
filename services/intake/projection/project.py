"""Projections: they bring the streams' messages to intake's tables, which serve receipts and comparisons.

The tables can be derived again from the streams: a message that comes again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.messages import REQUEST_DIGEST_HEADER, REQUEST_HEADER
from services.intake.storage import keeping
from services.intake.storage.dossiers import NewDossierStep, keep_steps
from services.intake.storage.keeping import (
    NewDifficulty,
    NewDifficultyEvent,
    NewEvidence,
    NewRefusal,
    NewUnscored,
    SignedEvent,
    SubmissionEvent,
)
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.contracts.evidence import Evidence
from shared.contracts.parked_message import Parked
from shared.contracts.submission import AcceptedSubmission, CausedChange, Refusal, Review, Withdrawal
from shared.contracts.verdict_change import StatusChanged
from shared.nats.stream_reader import read_stream
from shared.reference.load import Reference
from shared.service.proof import Proof
from shared.signatures import HEADER as SIGNATURE


class Sources(Protocol):
    """The sources of a projection besides its messages: the broker and the reference data."""

    @property
    def nats(self) -> Client:
        """The connection to the broker."""

    @property
    def reference(self) -> Reference:
        """The reference data in use."""

    @property
    def proof(self) -> Proof:
        """The proof of messages that are read again."""


async def submissions(connection: AsyncConnection, messages: Sequence[Msg], sources: Sources) -> None:
    """Keep receipts and the standing figures. KeyError where a unit is unknown.

    Each message is read as scoring reads it: what cannot be shown later is parked, and comes to no table.
    """
    units, ends = [], []
    for message in messages:
        submission = AcceptedSubmission.model_validate_json(message.data)
        units.append(_unit_of(submission, sources.reference))
        ends.append(submission.period.end)
    await keeping.keep_submissions(
        connection,
        sequences=[message.metadata.sequence.stream for message in messages],
        units=units,
        ends=ends,
        requests=[(message.headers or {}).get(REQUEST_HEADER) for message in messages],
        request_digests=[(message.headers or {}).get(REQUEST_DIGEST_HEADER) for message in messages],
        bodies=[message.data.decode() for message in messages],
    )


async def reviews(connection: AsyncConnection, messages: Sequence[Msg], _sources: Sources) -> None:
    """Keep the offices' reviews of submissions."""
    rows = [_signed_event(message, Review.model_validate_json(message.data)) for message in messages]
    await keeping.keep_reviews(connection, rows)


async def withdrawals(connection: AsyncConnection, messages: Sequence[Msg], sources: Sources) -> None:
    """Keep withdrawals, and project again what they leave of the figures of their units and periods."""
    withdrawn: defaultdict[str, set[str]] = defaultdict(set)
    for message, withdrawal in await withdrawals_alone(connection, messages, sources):
        withdrawn[subjects.withdrawn_from(message.subject)].add(str(withdrawal.submission))
    for subject, ids in withdrawn.items():
        sent: list[tuple[Msg, AcceptedSubmission]] = []
        async for batch in read_stream(sources.nats, subjects.SUBMISSIONS_STREAM, subject):
            sent += _readable(sources.proof.proved(batch))
        touched = {
            (_unit_of(body, sources.reference), str(body.period))
            for _, body in sent
            if not ids.isdisjoint((str(body.id), str(body.reviews)))
        }
        await keeping.clear_figures(connection, touched)
        again = [message for message, body in sent if (_unit_of(body, sources.reference), str(body.period)) in touched]
        await submissions(connection, again, sources)


async def withdrawals_alone(
    connection: AsyncConnection, messages: Sequence[Msg], _sources: Sources
) -> Sequence[tuple[Msg, Withdrawal]]:
    """Keep withdrawals before any submission is projected; return them with their messages."""
    read = [(message, Withdrawal.model_validate_json(message.data)) for message in messages]
    await keeping.keep_withdrawals(connection, [_signed_event(message, one) for message, one in read])
    return read


async def evidence(connection: AsyncConnection, messages: Sequence[Msg], sources: Sources) -> None:
    """Keep evidence that was attached or taken back. KeyError where a unit is unknown."""
    rows: list[NewEvidence] = []
    for message in messages:
        one = Evidence.model_validate_json(message.data)
        rows.append(
            {
                "id": one.id,
                "unit": sources.reference.units.by_key(one.unit_key).key,
                "period": str(one.period),
                "submission": one.submission,
                "withdraws": one.withdraws,
                "at": one.at,
                "body": one.model_dump(mode="json"),
                "message": message.data.decode(),
                "signature": (message.headers or {}).get(SIGNATURE),
            }
        )
    await keeping.keep_evidence(connection, rows)


async def refusals(connection: AsyncConnection, messages: Sequence[Msg], _sources: Sources) -> None:
    """Keep refusals, and their numbers in the stream."""
    rows: list[NewRefusal] = []
    for message in messages:
        refusal = Refusal.model_validate_json(message.data)
        rows.append(
            {
                "id": refusal.id,
                "sequence": message.metadata.sequence.stream,
                "agency": refusal.agency,
                "received_at": refusal.received_at,
                "problem": refusal.problem,
            }
        )
    await keeping.keep_refusals(connection, rows)


async def changes(connection: AsyncConnection, messages: Sequence[Msg], _sources: Sources) -> None:
    """Keep the changes of status that submissions caused."""
    rows: list[SubmissionEvent] = []
    for message in messages:
        change = StatusChanged.model_validate_json(message.data)
        if change.submission is None:
            continue
        caused = CausedChange(
            id=change.id,
            event=change.event,
            unit=change.unit.code,
            criterion=change.criterion.key,
            before=change.before,
            after=change.after,
            at=change.at,
            reason=change.assessment.reason,
        )
        body = caused.model_dump(mode="json")
        rows.append({"id": change.id, "submission": change.submission, "at": change.at, "body": body})
    await keeping.keep_changes(connection, rows)


async def difficulties(connection: AsyncConnection, messages: Sequence[Msg], sources: Sources) -> None:
    """Keep difficulties and the answers to them. KeyError where a unit is unknown."""
    logged = [DifficultyLogged.model_validate_json(message.data) for message in messages]
    reported: list[NewDifficulty] = [
        {
            "id": event.problem,
            "unit": _unit_key(event, sources.reference),
            "criterion": event.criterion,
            "reported_at": event.at,
        }
        for event in logged
        if event.event == "problem_reported"
    ]
    events: list[NewDifficultyEvent] = [
        {"id": event.id, "problem": event.problem, "at": event.at, "body": event.model_dump(mode="json")}
        for event in logged
    ]
    await keeping.keep_difficulties(connection, reported, events)


async def dossiers(connection: AsyncConnection, messages: Sequence[Msg], sources: Sources) -> None:
    """Keep the steps of dossiers. KeyError where a unit is unknown."""
    await keep_steps(connection, [dossier_step(message, sources.reference) for message in messages])


def dossier_step(message: Msg, reference: Reference) -> NewDossierStep:
    """Return the row of a step. KeyError where the unit is unknown."""
    logged = DossierLogged.model_validate_json(message.data)
    return {
        "id": logged.id,
        "sequence": message.metadata.sequence.stream,
        "unit": _unit_key(logged, reference),
        "criteria_set": logged.criteria_set,
        "at": logged.at,
        "body": logged.model_dump(mode="json"),
    }


async def parked(connection: AsyncConnection, messages: Sequence[Msg], _sources: Sources) -> None:
    """Keep which submissions scoring has parked, and which of them it has scored since."""
    logged = [Parked.model_validate_json(message.data) for message in messages]
    rows: list[NewUnscored] = [
        {
            "sequence": parking.sequence,
            "reason": parking.reason,
            "at": parking.at,
            "scored_at": parking.at if parking.state == "replayed" else None,
        }
        for parking in logged
        if (parking.service, parking.stream) == ("scoring", subjects.SUBMISSIONS_STREAM)
    ]
    await keeping.keep_unscored(connection, rows)


OF_ONE_STATEMENT = (submissions, changes)
"""The projections that execute one statement, which is a transaction by itself."""


def _signed_event(message: Msg, event: Review | Withdrawal) -> SignedEvent:
    return {
        "id": event.id,
        "submission": event.submission,
        "at": event.at,
        "body": event.model_dump(mode="json"),
        "message": message.data.decode(),
        "signature": (message.headers or {}).get(SIGNATURE),
    }


def _readable(messages: Sequence[Msg]) -> Iterator[tuple[Msg, AcceptedSubmission]]:
    """Yield the messages that are submissions; the others were parked when they came."""
    for message in messages:
        with suppress(ValidationError):
            yield message, AcceptedSubmission.model_validate_json(message.data)


def _unit_of(submission: AcceptedSubmission, reference: Reference) -> int:
    """Return the key of a submission's unit, which messages of earlier versions do not state."""
    if submission.unit_key is not None:
        return reference.units.by_key(submission.unit_key).key
    known = reference.units.find(submission.unit, submission.period.end)
    if known is None:
        raise KeyError(f"unit {submission.unit} in {submission.period}")
    return known.key


def _unit_key(logged: DifficultyLogged | DossierLogged, reference: Reference) -> int:
    if logged.unit.key is not None:
        return logged.unit.key
    known = reference.units.known(logged.unit.code)
    if not known:
        raise KeyError(f"unit {logged.unit.code}")
    return known[-1].key
