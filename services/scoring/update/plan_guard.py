"""The guard of the plan: nobody judges a system's state by another plan than its own without meaning to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.judged_plan import judged_plan, record_plan
from services.scoring.storage.locks import lock_days
from services.scoring.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.texts import filled


class OtherPlanError(Exception):
    """The state was judged by another plan than the one that is to judge now."""

    def __init__(self, own: str, other: str) -> None:
        self.words: Bilingual = filled(phrase("plan_guard.other_plan"), own=own, other=other)
        super().__init__(f"{self.words.vi} / {self.words.en}")


async def check_plan(connection: AsyncConnection, plan_id: str) -> None:
    """Raise OtherPlanError where the state was judged by another plan."""
    own = await judged_plan(connection)
    if own not in (None, plan_id):
        raise OtherPlanError(str(own), plan_id)


async def take_plan(connection: AsyncConnection, plan_id: str, now: datetime) -> None:
    """Record the plan at the first start; raise OtherPlanError where the state was judged by another plan."""
    await lock_days(connection)
    if await judged_plan(connection) is None:
        await record_plan(connection, plan_id, now)
    await check_plan(connection, plan_id)
