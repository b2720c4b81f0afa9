"""The database in a backup: the rows of all tables at one moment, by COPY.

No `pg_dump`: seldom has a machine one that is as new as the server. Our own migrations make the schemas, so that the
rows, the sequences and the number of each schema's newest migration are enough, and a backup of an older version is
restored by migrating on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.backup.archive import Part, Writer
from shared.backup.errors import IncompleteRestoreError, NewerBackupError, NotMigratedError
from shared.backup.manifest import Manifest, TableNote
from shared.postgres.migrations import LOCK, knows_migration, migrate

_HOURS = 24 * 3600.0
"""A COPY takes as long as it takes."""

_VERSIONS = "alembic_version"

_SESSIONS = ("access", "session")
"""The table whose rows are not restored: somebody who has signed out since, or was disabled, stays out."""

_TABLES = """
    SELECT n.nspname AS schema_name, c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind = 'r' AND n.nspname = any($1) AND c.relname <> 'alembic_version'
    GROUP BY n.nspname, c.relname ORDER BY n.nspname, c.relname
"""
_REFERENCES = """
    SELECT n.nspname || '.' || c.relname AS source, fn.nspname || '.' || f.relname AS target
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_class AS f ON f.oid = k.confrelid JOIN pg_namespace AS fn ON fn.oid = f.relnamespace
    WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND n.nspname = any($1)
"""
_SEQUENCES = """
    SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) AS name, last_value
    FROM pg_sequences WHERE schemaname = any($1)
"""
_SERVICES = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = any($1) ORDER BY 1
"""


class DatabaseNotes:
    """The parts of a manifest that tell of the database."""

    def __init__(self) -> None:
        self.heads: dict[str, str] = {}
        self.tables: list[TableNote] = []
        self.sequences: dict[str, int | None] = {}


@asynccontextmanager
async def _driver(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Yield a connection of asyncpg, which streams COPY."""
    raw = await engine.raw_connection()
    try:
        yield raw.driver_connection
    finally:
        raw.invalidate()  # locks of the session end with it
        raw.close()


async def dump(engine: AsyncEngine, schemas: Sequence[str], archive: Writer) -> DatabaseNotes:
    """Write the rows that all tables have at one moment, while the system runs. No migration runs meanwhile."""
    notes = DatabaseNotes()
    async with _driver(engine) as driver:
        await driver.execute(f"SELECT pg_advisory_lock_shared({LOCK})", timeout=_HOURS)
        tables = [TableNote(**row, rows=0) for row in await driver.fetch(_TABLES, schemas)]
        if {table.schema_name for table in tables} != set(schemas):
            raise NotMigratedError
        async with driver.transaction(isolation="repeatable_read", readonly=True):
            # before the transaction's first query, so that a table that is replaced meanwhile is the new one for both
            names = ", ".join(f'"{table.schema_name}"."{table.name}"' for table in tables)
            await driver.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE", timeout=_HOURS)
            for schema in schemas:
                notes.heads[schema] = await driver.fetchval(f'SELECT version_num FROM "{schema}".{_VERSIONS}')  # noqa: S608
            references = await driver.fetch(_REFERENCES, schemas)
            for table in _in_order(tables, [(row["source"], row["target"]) for row in references]):
                with archive.member(table.member) as write:

                    async def keep(data: bytes, write: Any = write) -> None:
                        write(data)

                    done = await driver.copy_from_table(
                        table.name, schema_name=table.schema_name, columns=table.columns, output=keep, timeout=_HOURS
                    )
                notes.tables.append(table.model_copy(update={"rows": int(done.split()[-1])}))
            # a sequence is never behind the rows: what it has given since the snapshot only leaves a gap
            notes.sequences = {row["name"]: row["last_value"] for row in await driver.fetch(_SEQUENCES, schemas)}
    return notes


def _in_order(tables: Sequence[TableNote], references: Sequence[tuple[str, str]]) -> Iterator[TableNote]:
    by_name = {f"{table.schema_name}.{table.name}": table for table in tables}
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(by_name, ()))
    for source, target in references:
        order.add(source, target)
    return (by_name[name] for name in order.static_order())


async def rows_in(engine: AsyncEngine, schemas: Sequence[str]) -> dict[str, int]:
    """Return the number of rows of each table of these schemas that has some."""
    async with _driver(engine) as driver:
        found = {}
        for table in await driver.fetch(_TABLES, list(schemas)):
            name = f"{table['schema_name']}.{table['name']}"
            number = await driver.fetchval(f'SELECT count(*) FROM "{table["schema_name"]}"."{table["name"]}"')  # noqa: S608
            if number:
                found[name] = number
        return found


async def connected_services(engine: AsyncEngine, services: Sequence[str]) -> list[str]:
    """Return those of these services that are connected to the database now."""
    async with _driver(engine) as driver:
        rows = await driver.fetch(_SERVICES, [f"ntm-{service}" for service in services])
    return [row["application_name"].removeprefix("ntm-") for row in rows]


def check_versions(manifest: Manifest, packages: Mapping[str, str]) -> None:
    """Refuse a backup with migrations that this program does not know: NewerBackupError."""
    for schema, head in manifest.heads.items():
        if schema not in packages or not knows_migration(packages[schema], head):
            raise NewerBackupError(f"{schema} {head}, ntm {manifest.program}")


async def restore(
    engine: AsyncEngine, packages: Mapping[str, str], manifest: Manifest, first: Part | None, parts: Iterator[Part]
) -> Part | None:
    """Make the schemas as they were, and fill all tables in one transaction. What stood there before is dropped.

    Returns the first part behind the database's. The schemas are left as the backup's version had them. Sessions end.
    """
    async with engine.begin() as connection:
        for schema in packages:
            await connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))
    for schema, package in packages.items():
        await migrate(engine, package, manifest.heads.get(schema, "head"))
    part = first
    async with _driver(engine) as driver, driver.transaction():
        names = ", ".join(f'"{table.schema_name}"."{table.name}"' for table in manifest.tables)
        await driver.execute(f"TRUNCATE {names}")  # migrations leave some rows
        for table in manifest.tables:

            async def content(member: str = table.member) -> AsyncIterator[bytes]:
                nonlocal part
                while part is not None and part.member == member:
                    yield part.data
                    part = next(parts, None)

            done = await driver.copy_to_table(
                table.name, schema_name=table.schema_name, columns=table.columns, source=content(), timeout=_HOURS
            )
            if int(done.split()[-1]) != table.rows:
                raise IncompleteRestoreError(table.member)
            if (table.schema_name, table.name) == _SESSIONS:
                await driver.execute("DELETE FROM access.session")
        for name, last in manifest.sequences.items():
            await driver.execute("SELECT setval($1::text::regclass, $2, $3)", name, last or 1, last is not None)
    return part
