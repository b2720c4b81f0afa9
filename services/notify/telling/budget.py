"""The cost of SMS: notify estimates it before sending, adds it up by unit and day, and keeps the day's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft, NotSent, Recipient
from services.notify.alerts.events import note_of
from services.notify.sms_text import parts
from services.notify.storage.spending import add_spending, spent_on
from services.notify.texts import phrase
from services.notify.world import World
from shared.contracts.alert import OperationEvent, OperationNoted
from shared.contracts.bilingual import Bilingual
from shared.stable_id import stable_id
from shared.text import number
from shared.texts import filled
from shared.time import VIETNAM

_NEAR = 0.8


async def afford(
    connection: AsyncConnection, drafts: Sequence[Draft], world: World
) -> tuple[Sequence[Draft], Sequence[OperationNoted]]:
    """Charge SMS to the daily budget of their unit.

    Returns the drafts, marked as not sent where the budget is spent, and notes for the operators.
    """
    decided: list[Draft] = []
    notes: dict[object, OperationNoted] = {}
    for draft in drafts:
        if draft.channel != "sms" or draft.wording is None or draft.recipient is None or draft.not_sent:
            decided.append(draft)
            continue
        costly = replace(draft, parts=(count := parts(draft.wording.text)), cost_dong=count * world.tariff.part_dong)
        note, is_borne = await _charge(connection, costly, draft.recipient, world)
        decided.append(costly if is_borne else replace(costly, not_sent=NotSent.BUDGET_SPENT))
        if note:
            notes[note.id] = note
    return decided, list(notes.values())


async def _charge(
    connection: AsyncConnection, draft: Draft, recipient: Recipient, world: World
) -> tuple[OperationNoted | None, bool]:
    limit, day = world.tariff.daily_dong, world.now.astimezone(VIETNAM).date()
    cost, unit = draft.cost_dong or 0, recipient.unit.key
    if limit is not None and await spent_on(connection, unit, day) + cost > limit:
        return _note(OperationEvent.BUDGET_SPENT, recipient, limit, world), False
    total = await add_spending(connection, unit, day, draft.parts or 0, cost)
    is_near = limit is not None and total >= limit * _NEAR
    return (_note(OperationEvent.BUDGET_NEAR, recipient, limit or 0, world) if is_near else None), True


def _note(event: OperationEvent, recipient: Recipient, limit: int, world: World) -> OperationNoted:
    unit, day = recipient.unit, world.now.astimezone(VIETNAM).date()
    return note_of(
        event,
        stable_id(event, unit.key, day),
        f"SMS {unit.title_in('vi')}",
        filled(
            phrase("budget.spent") if event is OperationEvent.BUDGET_SPENT else phrase("budget.nearly_spent"),
            unit=Bilingual(vi=unit.title_in("vi"), en=unit.title_in("en")),
            limit=Bilingual(vi=number(limit, "vi"), en=number(limit, "en")),
        ),
        world.now,
        world.reference,
    )
