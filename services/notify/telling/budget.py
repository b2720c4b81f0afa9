"""The cost of SMS: notify estimates it before sending, adds it up by unit and day, and keeps the day's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import Draft, NotSent, Recipient
from services.notify.alerts.events import note_of
from services.notify.sms_text import parts
from services.notify.storage.spending import spend
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
    decided: dict[int, Draft] = dict(enumerate(drafts))
    notes: dict[object, OperationNoted] = {}
    costly = [
        (draft.recipient, place, replace(draft, parts=count, cost_dong=count * world.tariff.part_dong))
        for place, draft in decided.items()
        if draft.channel == "sms" and draft.wording and draft.recipient and not draft.not_sent
        for count in [parts(draft.wording.text)]
    ]
    # by unit, so that no two transactions wait for each other
    for recipient, place, draft in sorted(costly, key=lambda costs: costs[0].unit.key):
        note, is_borne = await charge(connection, recipient, draft.parts or 0, draft.cost_dong or 0, world)
        decided[place] = draft if is_borne else replace(draft, not_sent=NotSent.BUDGET_SPENT)
        if note:
            notes[note.id] = note
    return list(decided.values()), list(notes.values())


async def charge(
    connection: AsyncConnection, recipient: Recipient, parts_sent: int, cost: int, world: World
) -> tuple[OperationNoted | None, bool]:
    """Charge an SMS to its unit's daily budget. Return a note for the operators, and whether the budget bears it."""
    limit, day = world.tariff.daily_dong, world.now.astimezone(VIETNAM).date()
    total = await spend(connection, recipient.unit.key, day, parts_sent, cost, limit)
    if limit is None:
        return None, True
    if total is None:
        return _note(OperationEvent.BUDGET_SPENT, recipient, limit, world), False
    return (_note(OperationEvent.BUDGET_NEAR, recipient, limit, world) if total >= limit * _NEAR else None), True


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
        world.moment,
        world.reference,
    )
