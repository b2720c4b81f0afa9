"""The audit: it compares the log with the receipts, to the byte, and with the databases.

It makes each receipt's digest anew from the message's content, verifies every signature, and names each message that
is damaged, lost, foreign or forged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.admission.digest import proves
from services.intake.storage.audited import AuditedLog
from shared.contracts import subjects
from shared.contracts.evidence import Evidence
from shared.contracts.submission import AcceptedSubmission
from shared.nats.stream_reader import read_stream
from shared.object_store import ObjectFault, ObjectStore
from shared.service.proof import Proof

_NUL = "\x00"
_SHOWN = 100
_PATIENCE_SECONDS = 5.0


class Damage(Enum):
    """The ways in which the content of a message is wrong."""

    UNREADABLE = auto()
    OTHER_THAN_ITS_DIGEST = auto()
    TWICE = auto()
    """The log has the same submission with different content."""


@dataclass
class Audit:
    """The result of an audit: the number of messages read, and the faults (at most 100 of a kind are named)."""

    messages: int = 0
    unproved: list[str] = field(default_factory=list)
    """Messages of the signed streams without a signature that proves them; no service heeds these."""
    damaged: list[tuple[str, Damage]] = field(default_factory=list)
    """Messages whose content is not what was accepted, each with what is wrong."""
    lost: dict[str, list[UUID]] = field(default_factory=dict)
    """By table: submissions that the table has, and that the log lacks or has with another digest."""
    files: int = 0
    """The number of files of evidence."""
    faulty_files: list[tuple[str, ObjectFault | Literal["unchecked"]]] = field(default_factory=list)
    """Files of evidence that the store lacks or has with other content; unchecked: no store is named."""
    left_over: int = 0
    """The number of files in the store that no evidence names, as where the broker was away: they do no harm."""
    unrecorded: dict[str, list[UUID]] = field(default_factory=dict)
    """By table: submissions that the log has and the table lacks."""

    @property
    def is_sound(self) -> bool:
        """Return whether there is no fault."""
        faults = [self.unproved, self.damaged, self.faulty_files, *self.lost.values(), *self.unrecorded.values()]
        return not any(faults)


async def audit(engine: AsyncEngine, nats: Client, tables: Sequence[Table], store: ObjectStore | None) -> Audit:
    """Read the whole log and compare it with tables that keep `id` and `digest` of each submission.

    The signatures of the other signed messages are verified too, and the content of each file of evidence.
    """
    result = Audit()
    proof = await Proof.of(engine, nats)
    async with engine.connect() as connection:
        log = AuditedLog(connection)
        await log.begin(tables)
        async for batch in read_stream(nats, subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS):
            result.messages += len(batch)
            await _take(log, _proved(batch, proof, result), result)
        for table in log.tables:
            result.lost[table] = await log.lost(table, _SHOWN)
            result.unrecorded[table] = await _unrecorded(log, table)
    names: dict[str, str] = {}
    for stream in subjects.SIGNED:
        for family in subjects.KEPT[stream]:
            if family != subjects.ALL_SUBMISSIONS:
                async for batch in read_stream(nats, stream, family):
                    proved = _proved(batch, proof, result)
                    if family == subjects.ALL_EVIDENCE:
                        _take_evidence(proved, names, result)
    await _check_files(store, names, result)
    return result


def _proved(batch: Sequence[Msg], proof: Proof, result: Audit) -> list[Msg]:
    """Return the messages that are proved, and name the others."""
    proved, unproved = proof.split(batch)
    for message, reason in unproved:
        place = message.metadata
        _name(result.unproved, f"{place.stream} {place.sequence.stream} {message.subject}: {reason}")
    return proved


def _read[Body: BaseModel](body: type[Body], message: Msg, result: Audit) -> Body | None:
    """Return a message's content; None where it cannot be read, which is named."""
    try:
        return body.model_validate_json(message.data)
    except ValidationError:
        _name(result.damaged, (f"{message.metadata.sequence.stream} {message.subject}", Damage.UNREADABLE))
        return None


def _take_evidence(batch: Sequence[Msg], names: dict[str, str], result: Audit) -> None:
    """Note the names of the files that evidence has, by digest."""
    for message in batch:
        evidence = _read(Evidence, message, result)
        if evidence and evidence.file:
            names[evidence.file.sha256] = evidence.name


async def _check_files(store: ObjectStore | None, names: Mapping[str, str], result: Audit) -> None:
    """Compare the store with the files that evidence has."""
    result.files = len(names)
    for digest, name in names.items():
        if fault := await store.fault(digest) if store else "unchecked":
            _name(result.faulty_files, (f"{name} ({digest})", fault))
    result.left_over = len(set(await store.digests()) - names.keys()) if store else 0


async def _take(log: AuditedLog, batch: Sequence[Msg], result: Audit) -> None:
    ids, digests = [], []
    for message in batch:
        submission = _read(AcceptedSubmission, message, result)
        if submission is None:
            continue
        if not proves(submission.digest, submission):
            place = f"{message.metadata.sequence.stream} {submission.id}"
            _name(result.damaged, (place, Damage.OTHER_THAN_ITS_DIGEST))
        if _NUL in submission.digest:  # PostgreSQL keeps no such text, so no table can have it
            continue
        ids.append(submission.id)
        digests.append(submission.digest)
    for clashing in await log.add(ids, digests):
        _name(result.damaged, (str(clashing), Damage.TWICE))


def _name[Fault](faults: list[Fault], fault: Fault) -> None:
    if len(faults) < _SHOWN:
        faults.append(fault)


async def _unrecorded(log: AuditedLog, table: str) -> list[UUID]:
    """Return the submissions that the table lacks after a wait, in which submissions that have just come reach it."""
    waited = 0.0
    while True:
        ids = await log.unrecorded(table, _SHOWN)
        if not ids or waited >= _PATIENCE_SECONDS:
            return ids
        await asyncio.sleep(0.5)
        waited += 0.5
