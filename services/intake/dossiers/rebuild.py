"""The table of dossiers' steps, made again from the stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake.projection.project import dossier_step
from services.intake.storage.dossiers import NewDossierStep, all_steps, lock_steps, replace_steps
from shared.contracts import subjects
from shared.nats.stream_reader import read_stream
from shared.reference.load import Reference
from shared.service.proof import Proof


@dataclass(frozen=True, slots=True)
class RebuiltDossiers:
    """The steps that the stream holds, those that differ from the table's, and those that the stream lacks."""

    steps: int
    differing: Sequence[UUID]
    lacking: Sequence[UUID]


async def rebuild(engine: AsyncEngine, nats: Client, reference: Reference, *, switch: bool) -> RebuiltDossiers:
    """Compare the table with the stream, and with `switch` put the stream's steps in its place.

    The table stays where the stream lacks some of its steps. The projection waits meanwhile.
    """
    proof = await Proof.of(engine, nats)
    async with engine.begin() as connection:
        await lock_steps(connection)
        rows: dict[UUID, NewDossierStep] = {}
        async for batch in read_stream(nats, subjects.STATUS_STREAM, subjects.ALL_DOSSIERS):
            for message in proof.proved(batch):
                row = dossier_step(message, reference)
                rows.setdefault(row["id"], row)
        live = {step.id: step._asdict() for step in await all_steps(connection)}
        differing = [step for step in rows if _written(rows[step]) != _written(live.get(step))]
        lacking = [step for step in live if step not in rows]
        if switch and differing and not lacking:
            await replace_steps(connection, list(rows.values()))
    return RebuiltDossiers(len(rows), differing, lacking)


def _written(row: Mapping[str, Any] | None) -> bytes:
    """Return a row in one form of writing, to be compared byte for byte."""
    if row is None:
        return b""
    return json.dumps({**row, "at": row["at"].astimezone(UTC)}, sort_keys=True, default=str).encode()
