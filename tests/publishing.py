"""Changes published as scoring does it: stored, with their messages in the outbox."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from shared.contracts.verdict_change import Change
from tests.changes import REFERENCE
from tests.running import START, Surroundings


async def publish(connection: AsyncConnection, *changes: Change) -> None:
    """Store changes as scoring does, in a transaction that the caller ends."""
    on = REFERENCE.units.find
    keyed = [(on(change.unit.code, START), change) for change in changes]
    await publish_changes(
        connection, REFERENCE.plan.unit, [ChangeOfUnit(unit.key, change) for unit, change in keyed if unit]
    )


async def publish_all(around: Surroundings, *changes: Change) -> None:
    """Store changes as scoring does, in one transaction."""
    async with around.engine.begin() as connection:
        await publish(connection, *changes)
