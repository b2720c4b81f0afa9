"""The messages of all difficulties and dossiers, made again from the tables for a stream that has lost them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.messages import difficulty_message, dossier_message
from services.intake.storage.lost_messages import logged_difficulties, logged_steps
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.nats.cloud_events import Message
from shared.readable import RowsRead, read_rows
from shared.reference.units import Units


async def logged_messages(connection: AsyncConnection, units: Units) -> RowsRead[Any, Sequence[Message]]:
    """Return the messages, those on one subject in the order in which they were published, without signatures."""

    def of_step(row: tuple[int, object]) -> Sequence[Message]:
        unit, logged = row[0], DossierLogged.model_validate(row[1])
        return [dossier_message(logged, _subject(unit, logged, units), None)]

    difficulties: RowsRead[Any, Sequence[Message]] = read_rows(
        await logged_difficulties(connection),
        lambda body: [difficulty_message(DifficultyLogged.model_validate(body), None)],
    )
    steps: RowsRead[Any, Sequence[Message]] = read_rows(await logged_steps(connection), of_step)
    return RowsRead([*difficulties.items, *steps.items], [*difficulties.damaged, *steps.damaged])


def _subject(unit: int, logged: DossierLogged, units: Units) -> str:
    district = units.district(units.by_key(unit))
    return subjects.dossier(district.code if district else None, logged.unit.code)
