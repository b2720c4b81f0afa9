"""Queries for the steps of dossiers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.tables import DossierStepRow
from shared.contracts.dossier import DossierLogged, DossierStep
from shared.postgres.statements import table_of
from shared.readable import RowsRead, read_or_none, read_rows

dossier_step = table_of(DossierStepRow)


class NewDossierStep(TypedDict):
    """A row of `dossier_step`."""

    id: UUID
    sequence: int
    unit: int
    criteria_set: str
    at: datetime
    body: dict[str, Any]


class StoredStep(NamedTuple):
    """A row of `dossier_step`, in the order of its columns."""

    id: UUID
    sequence: int
    unit: int
    criteria_set: str
    at: datetime
    body: dict[str, Any]


async def keep_steps(connection: AsyncConnection, rows: Sequence[NewDossierStep]) -> None:
    """Keep steps; those that are known take over the number that they have on the stream now."""
    if rows:
        statement = insert(dossier_step)
        number = {"sequence": statement.excluded.sequence}
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=number), rows)


async def steps_of(connection: AsyncConnection, unit: int) -> RowsRead[StoredStep, DossierLogged]:
    """Return the steps of all dossiers of a commune, in order, and those whose content is damaged."""
    columns = (dossier_step.c[name] for name in StoredStep._fields)
    rows = await connection.execute(
        select(*columns).where(dossier_step.c.unit == unit).order_by(dossier_step.c.sequence)
    )
    return read_rows((StoredStep(*row) for row in rows), lambda row: DossierLogged.model_validate(row.body))


class NewestStep(NamedTuple):
    """The newest step of a dossier; None where its content is damaged."""

    id: UUID
    unit: int
    criteria_set: str
    logged: DossierLogged | None


async def newest_steps(
    connection: AsyncConnection,
    units: Collection[int],
    turn: DossierStep | None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[NewestStep]:
    """Return the newest step of each dossier of these communes, by commune and set.

    `turn`: only of dossiers for which this step is expected. `after`: only behind this commune and set.
    """
    step = dossier_step.c
    newest = (
        select(step.id, step.unit, step.criteria_set, step.body)
        .distinct(step.unit, step.criteria_set)
        .where(step.unit.in_(list(units)))
        .order_by(step.unit, step.criteria_set, step.sequence.desc())
    )
    if after is not None:
        newest = newest.where(tuple_(step.unit, step.criteria_set) > after)
    found = newest.subquery().c
    query = (
        select(found.id, found.unit, found.criteria_set, found.body)
        .order_by(found.unit, found.criteria_set)
        .limit(limit)
    )
    if turn is not None:
        query = query.where(found.body["turns"].contains([{"step": turn.value}]))
    rows = await connection.execute(query)
    return [NewestStep(row.id, row.unit, row.criteria_set, read_or_none(DossierLogged, row.body)) for row in rows]
