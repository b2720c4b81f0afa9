"""The messages of all changes that were published, made again from the database for a stream that has lost them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.changes import all_changes
from services.scoring.update.published_changes import messages_of
from shared.contracts.verdict_change import AnyChange
from shared.nats.cloud_events import Message
from shared.readable import RowsRead, read_rows
from shared.reference.load import Plans

_CHANGE: TypeAdapter[AnyChange] = TypeAdapter(AnyChange)


async def published_messages(
    connection: AsyncConnection, plans: Plans
) -> AsyncIterator[RowsRead[object, Sequence[Message]]]:
    """Yield the messages of all changes, in the order in which they were published, without signatures."""

    def made(body: object) -> Sequence[Message]:
        change = _CHANGE.validate_python(body)
        plan = plans.in_force(change.on).plan
        return messages_of(change, plan.unit, None, change.plan is None or change.plan == plan.id)

    async for bodies in all_changes(connection):
        yield read_rows(bodies, made)
