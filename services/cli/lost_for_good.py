"""What the streams have lost that no table keeps."""

from __future__ import annotations

from datetime import timedelta

from nats.aio.client import Client
from nats.js.api import StreamState
from nats.js.errors import NotFoundError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.intake.storage.tables import RefusalRow
from services.notify.storage.tables import AlertRow
from services.scoring.storage.judged_version import judged_version
from shared.contracts import subjects
from shared.postgres.statements import table_of
from shared.time import utc_now

_KEPT = timedelta(days=364)
"""The age up to which a message of a year's stream is surely still there."""

alert, refusal = table_of(AlertRow), table_of(RefusalRow)


async def streams_lost_for_good(nats: Client, engine: AsyncEngine) -> list[str]:
    """Return the streams that lack what they held, of those whose messages no table keeps whole."""
    lost = []
    async with engine.connect() as connection:
        for stream in (
            subjects.REFERENCE_STREAM,
            subjects.REFUSALS_STREAM,
            subjects.ALERTS_STREAM,
            subjects.OPERATIONS_STREAM,
        ):
            try:
                state = (await nats.jetstream().stream_info(stream)).state
            except NotFoundError:
                lost.append(stream)
            else:
                if await _has_lost(connection, stream, state):
                    lost.append(stream)
    return lost


async def _has_lost(connection: AsyncConnection, stream: str, state: StreamState) -> bool:
    match stream:
        case subjects.REFERENCE_STREAM:  # its versions are kept for ever
            return state.messages < max(state.last_seq, await judged_version(connection) or 0)
        case subjects.REFUSALS_STREAM:
            newest = select(refusal.c.sequence, refusal.c.received_at).order_by(refusal.c.sequence.desc()).limit(1)
            row = (await connection.execute(newest)).one_or_none()
            is_recent = row is not None and row.received_at > utc_now() - _KEPT
            return row is not None and (row.sequence > state.last_seq or (is_recent and not state.messages))
        case subjects.ALERTS_STREAM:
            raised = select(alert.c.id).where(alert.c.raised_at > utc_now() - _KEPT)
            return not state.messages and bool(await connection.scalar(select(raised.exists())))
        case _:
            return False
