"""The audit: does the log still hold what the receipts say, to the byte, and do the databases hold what the log does?

A receipt's digest is made anew from the message's content; so a damaged, lost or foreign message is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.intake.admission.digest import proves
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.stream_reader import read_stream

_SHOWN = 100
_PATIENCE_SECONDS = 5.0

_KEEP = text("""
    INSERT INTO audited SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS text[])) ON CONFLICT DO NOTHING
""")
_CLASHING = text("""
    SELECT id FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS text[])) AS w(id, digest)
    JOIN audited AS a USING (id) WHERE a.digest <> w.digest
""")


@dataclass
class Audit:
    """What was compared, and what is wrong (at most 100 of a kind are named)."""

    messages: int = 0
    damaged: list[str] = field(default_factory=list)
    """Messages whose content does not have the digest that was given for it."""
    lost: dict[str, list[UUID]] = field(default_factory=dict)
    """By table: what it has a record of and the log lacks, or has otherwise."""
    unrecorded: dict[str, list[UUID]] = field(default_factory=dict)
    """By table: what the log has and the table lacks."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or any(self.lost.values()) or any(self.unrecorded.values()))


async def audit(engine: AsyncEngine, nats: Client, tables: Sequence[Table]) -> Audit:
    """Read the whole log and compare it with tables that keep `id` and `digest` of each submission."""
    found = Audit()
    names = {f"{table.schema}.{table.name}": f"recorded_{number}" for number, table in enumerate(tables)}
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TEMPORARY TABLE audited (id uuid PRIMARY KEY, digest text NOT NULL)"))
        for name, copy in names.items():  # what is recorded by now, the log has to have
            await connection.execute(text(f"CREATE TEMPORARY TABLE {copy} AS SELECT id, digest FROM {name}"))  # noqa: S608 - names of ours
        async for batch in read_stream(nats, subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS):
            await _take(connection, batch, found)
        for name, copy in names.items():
            lost = text(f"""
                SELECT t.id FROM {copy} AS t LEFT JOIN audited AS a USING (id)
                WHERE a.id IS NULL OR a.digest <> t.digest LIMIT {_SHOWN}
            """)  # noqa: S608 - the name of a table of ours
            found.lost[name] = list((await connection.scalars(lost)).all())
            found.unrecorded[name] = await _unrecorded(connection, name)
    return found


async def _take(connection: AsyncConnection, batch: Sequence[Msg], found: Audit) -> None:
    found.messages += len(batch)
    ids, digests = [], []
    for message in batch:
        try:
            submission = AcceptedSubmission.model_validate_json(message.data)
        except ValidationError:
            _name(found.damaged, f"{message.metadata.sequence.stream} {message.subject}: cannot be read")
            continue
        if not proves(submission.digest, submission):
            _name(found.damaged, f"{message.metadata.sequence.stream} {submission.id}: other content than its digest")
        ids.append(submission.id)
        digests.append(submission.digest)
    await connection.execute(_KEEP, {"ids": ids, "digests": digests})
    for clashing in await connection.scalars(_CLASHING, {"ids": ids, "digests": digests}):
        _name(found.damaged, f"{clashing}: stands in the log twice, with different content")


def _name(damaged: list[str], what: str) -> None:
    if len(damaged) < _SHOWN:
        damaged.append(what)


async def _unrecorded(connection: AsyncConnection, name: str) -> list[UUID]:
    """What the table lacks, also after a little patience: what has just come in may be on its way there."""
    lacking = text(f"""
        SELECT a.id FROM audited AS a LEFT JOIN {name} AS t USING (id) WHERE t.id IS NULL LIMIT {_SHOWN}
    """)  # noqa: S608 - the name of a table of ours
    waited = 0.0
    while True:
        ids = list((await connection.scalars(lacking)).all())
        if not ids or waited >= _PATIENCE_SECONDS:
            return ids
        await asyncio.sleep(0.5)
        waited += 0.5
