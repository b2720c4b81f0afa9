"""Queries of the audit: they compare the log with tables that keep `id` and `digest` of submissions."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

_CREATE = text("CREATE TEMPORARY TABLE audited (id uuid PRIMARY KEY, digest text NOT NULL)")
_KEEP = text("""
    INSERT INTO audited SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS text[])) ON CONFLICT DO NOTHING
""")
_CLASHING = text("""
    SELECT id FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS text[])) AS w(id, digest)
    JOIN audited AS a USING (id) WHERE a.digest <> w.digest
""")


class AuditedLog:
    """The ids and digests that the log holds, in a temporary table of the connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._copies: dict[str, str] = {}

    async def begin(self, tables: Sequence[Table]) -> None:
        """Copy the tables: the log has to hold every submission that they hold by now."""
        await self._connection.execute(_CREATE)
        for number, table in enumerate(tables):
            name, copy = _full_name(table), f"recorded_{number}"
            await self._connection.execute(text(f"CREATE TEMPORARY TABLE {copy} AS SELECT id, digest FROM {name}"))  # noqa: S608 - names of ours
            self._copies[name] = copy

    @property
    def tables(self) -> list[str]:
        """The full names of the tables."""
        return list(self._copies)

    async def add(self, ids: Sequence[UUID], digests: Sequence[str]) -> list[UUID]:
        """Keep submissions from the log; return those that the log holds a second time with another digest."""
        await self._connection.execute(_KEEP, {"ids": ids, "digests": digests})
        return list((await self._connection.scalars(_CLASHING, {"ids": ids, "digests": digests})).all())

    async def lost(self, table: str, limit: int) -> list[UUID]:
        """Return submissions that the table had when the audit began and the log lacks or has with another digest."""
        lost = text(f"""
            SELECT t.id FROM {self._copies[table]} AS t LEFT JOIN audited AS a USING (id)
            WHERE a.id IS NULL OR a.digest <> t.digest LIMIT {limit}
        """)  # noqa: S608 - the name of a table of ours
        return list((await self._connection.scalars(lost)).all())

    async def unrecorded(self, table: str, limit: int) -> list[UUID]:
        """Return the submissions that the log has and the table lacks."""
        lacking = text(f"""
            SELECT a.id FROM audited AS a LEFT JOIN {table} AS t USING (id) WHERE t.id IS NULL LIMIT {limit}
        """)  # noqa: S608 - the name of a table of ours
        return list((await self._connection.scalars(lacking)).all())


def _full_name(table: Table) -> str:
    return f"{table.schema}.{table.name}"
