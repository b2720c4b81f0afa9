"""The SQL of the versions of units' figures: as long as a unit's version is the same, so is all that is known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import BigInteger, cast, func, literal, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import FigureVersionRow, SubmissionRow
from shared.postgres.statements import insert_rows, table_of

version = table_of(FigureVersionRow)


class StateVersion(NamedTuple):
    """The version of all figures together: as long as it is the same, none has changed."""

    table: int
    """The number of the table of submissions, which is another one after a rebuild."""
    total: int
    """The sum of all units' versions."""


COUNT = insert_rows(version, ("unit", "number")).on_conflict_do_update(
    index_elements=["unit"], set_={"number": version.c.number + 1}
)
"""Its parameters are `counted`."""
_TABLE = cast(cast(literal(table_of(SubmissionRow).fullname), REGCLASS), BigInteger)


async def count_versions(connection: AsyncConnection, units: Collection[int]) -> None:
    """Note that figures of these units come or go with this transaction. The units must be locked."""
    if units:
        await connection.execute(COUNT, counted(units))


def counted(units: Collection[int]) -> dict[str, list[int]]:
    """Return the parameters with which `COUNT` counts the units' versions up."""
    return {"unit": sorted(units), "number": [1] * len(units)}


async def state_version(connection: AsyncConnection) -> StateVersion:
    """Return the version of all figures together."""
    row = (await connection.execute(select(_TABLE, func.coalesce(func.sum(version.c.number), 0)))).one()
    return StateVersion(int(row[0]), int(row[1]))


async def figure_versions(connection: AsyncConnection) -> Mapping[int, int]:
    """Return the version of each unit's figures; one that is not named has 0."""
    rows = await connection.execute(select(version.c.unit, version.c.number))
    return {row.unit: row.number for row in rows}
