"""The SQL of the statuses of communes' criteria."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, TypedDict

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Integer, Text, bindparam, cast, delete, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.pairs import joined_pairs
from services.scoring.storage.tables import StatusRow
from shared.contracts.period import Period
from shared.contracts.status import Status
from shared.postgres.driver import fetch
from shared.postgres.statements import table_of
from shared.readable import StoredDay, read_rows
from shared.reference.awaited_reports import Arrivals
from shared.reference.models import CriterionKey

status = table_of(StatusRow)


class StoredStatus(NamedTuple):
    """A stored status of a commune's criterion."""

    status: Status
    since: StoredDay
    judged_on: StoredDay
    holds_until: StoredDay | None
    overdue: list[str]
    series_from: StoredDay | None
    contradictory: bool
    reported_from: StoredDay | None
    reported: frozenset[Period] | None

    @property
    def arrived(self) -> Arrivals | None:
        """The reports on the criterion that had come, the newest of each length; None where nobody has looked."""
        return None if self.reported is None else Arrivals(self.reported_from, self.reported)


class StatusesAsked(NamedTuple):
    """The statuses that are asked for; None: all. Of what nobody has judged there is no data, and nothing overdue."""

    criterion: CriterionKey | None = None
    status: Status | None = None
    overdue: bool | None = None
    """Whether reports are overdue."""

    def accept(self, status: Status, overdue: Sequence[str]) -> bool:
        """Say whether a status with these overdue reports is asked for."""
        return self.status in (None, status) and self.overdue in (None, bool(overdue))

    @property
    def are_all(self) -> bool:
        """True where a status is asked for whatever it is."""
        return self.status is None and self.overdue is None

    @property
    def are_stored(self) -> bool:
        """True where nothing is asked for of which there is no row."""
        return not self.accept(Status.NO_DATA, ())


class StatusValues(TypedDict):
    """A new row of table `status`."""

    unit: int
    criterion: CriterionKey
    status: str
    since: date
    judged_on: date
    holds_until: date | None
    overdue: list[str]
    series_from: date | None
    contradictory: bool
    reported_from: date | None
    reported: list[str] | None


_ALL = StatusesAsked()
_STATUS = TypeAdapter(StoredStatus)
_STORED = (status.c.unit, status.c.criterion, *(status.c[name] for name in StoredStatus._fields))
_OF_UNITS = select(*_STORED).where(status.c.unit == func.any(bindparam("units", type_=ARRAY(Integer, dimensions=1))))
_OF_CRITERIA = _OF_UNITS.where(status.c.criterion == func.any(bindparam("criteria", type_=ARRAY(Text, dimensions=1))))


async def statuses_of(
    connection: AsyncConnection, units: Collection[int], asked: StatusesAsked = _ALL
) -> dict[tuple[int, CriterionKey], StoredStatus]:
    """Return the units' statuses by unit and criterion; a damaged one is as none: the next verdict replaces it.

    Where `asked` are statuses that are stored, only these are read, else all of the criterion.
    """
    query = _OF_UNITS
    if asked.criterion is not None:
        query = query.where(status.c.criterion == asked.criterion)
    if asked.are_stored:
        if asked.status is not None:
            query = query.where(status.c.status == asked.status.value)
        if asked.overdue is not None:
            query = query.where((status.c.overdue != cast([], JSONB)) == asked.overdue)
    return _read(await connection.execute(query, {"units": list(units)}))


async def statuses_to_judge(
    connection: AsyncConnection, units: Collection[int], criteria: Collection[CriterionKey]
) -> dict[tuple[int, CriterionKey], StoredStatus]:
    """Return what `statuses_of` does for these criteria: most of a unit's are not judged when one of them is."""
    return _read(await fetch(connection, _OF_CRITERIA, {"units": list(units), "criteria": list(criteria)}))


def _read(rows: Iterable[Sequence[Any]]) -> dict[tuple[int, CriterionKey], StoredStatus]:
    return dict(read_rows(rows, lambda row: ((row[0], row[1]), _STATUS.validate_python(row[2:]))).items)


async def outdated_statuses(connection: AsyncConnection, on: date) -> list[tuple[int, CriterionKey]]:
    """Return the units and criteria whose status no longer holds on that day and was not judged then."""
    query = select(status.c.unit, status.c.criterion).where(status.c.holds_until < on, status.c.judged_on < on)
    rows = await connection.execute(query.order_by(status.c.unit, status.c.criterion))
    return [(row.unit, row.criterion) for row in rows]


async def without_status(
    connection: AsyncConnection, pairs: Sequence[tuple[int, CriterionKey]]
) -> list[tuple[int, CriterionKey]]:
    """Return which of these pairs of unit and criterion have no stored status."""
    given = joined_pairs(pairs, "criterion")
    known = exists().where(status.c.unit == given.c.unit, status.c.criterion == given.c.criterion)
    return [(row.unit, row.criterion) for row in await connection.execute(select(given).where(~known))]


async def delete_statuses(connection: AsyncConnection, pairs: Sequence[tuple[int, CriterionKey]]) -> None:
    """Delete the statuses of these pairs of unit and criterion."""
    if pairs:
        given = joined_pairs(pairs, "criterion")
        is_given = exists().where(status.c.unit == given.c.unit, status.c.criterion == given.c.criterion)
        await connection.execute(delete(status).where(is_given))
