"""The messages of all difficulties and dossiers, made again from the tables for a stream that has lost them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.messages import difficulty_message, dossier_message
from services.intake.storage.lost_messages import logged_difficulties, logged_steps
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.nats.cloud_events import Message
from shared.reference.units import Units


async def logged_messages(connection: AsyncConnection, units: Units) -> Sequence[Message]:
    """Return the messages, those on one subject in the order in which they were published, without signatures."""
    difficulties = [DifficultyLogged.model_validate(body) for body in await logged_difficulties(connection)]
    steps = [(unit, DossierLogged.model_validate(body)) for unit, body in await logged_steps(connection)]
    return [
        *(difficulty_message(logged, None) for logged in difficulties),
        *(dossier_message(logged, _subject(unit, logged, units), None) for unit, logged in steps),
    ]


def _subject(unit: int, logged: DossierLogged, units: Units) -> str:
    district = units.district(units.by_key(unit))
    return subjects.dossier(district.code if district else None, logged.unit.code)
