"""The guard of the plans: nobody judges a system's state by other plans than its own without meaning to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.storage.begun_plans import begun_plans, record_plans
from services.scoring.storage.locks import lock_days
from services.scoring.texts import phrase
from services.scoring.update.transaction import Transaction
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Plans, Reference
from shared.texts import filled


class OtherPlanError(Exception):
    """The state was judged by another plan than those that are to judge now."""

    def __init__(self, own: Sequence[str], other: Sequence[str]) -> None:
        words = filled(phrase("plan_guard.other_plan"), own=",".join(own), other=",".join(other))
        self.words: Bilingual = words
        super().__init__(f"{self.words.vi} / {self.words.en}")


async def plans_of_state(connection: AsyncConnection, plans: Plans) -> Sequence[Reference]:
    """Return the plans by which the state is judged, in the order of their time; none before the first start.

    OtherPlanError where one of them is not among `plans`.
    """
    begun = await begun_plans(connection)
    known = plans.among(begun)
    if len(known) < len(begun):
        raise OtherPlanError(sorted(begun), plans.ids)
    return known


async def take_plans(connection: AsyncConnection, plans: Plans, today: date, now: datetime) -> None:
    """Record the plans that have begun at the first start; OtherPlanError where the state was judged by another one."""
    await lock_days(connection)
    if not await plans_of_state(connection, plans):
        await record_plans(connection, [reference.plan.id for reference in plans.begun(today)], now)


async def transaction_by_plans(connection: AsyncConnection, plans: Plans, moment: Moment) -> Transaction:
    """Return the transaction with the plans by which the state is judged."""
    *former, in_force = await plans_of_state(connection, plans) or plans.begun(moment.on)
    return Transaction(connection, in_force, moment, former)
