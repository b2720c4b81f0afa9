"""Migrations by Alembic: one schema for each service, and one for access.

The package of a schema, such as `services.intake.storage`, has its tables in `tables`, with the schema's name in
`SCHEMA`, and its migrations in the folder `migrations`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import structlog
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from shared.postgres.schema_version import migrations_of, note, numbers_of

log = structlog.get_logger()

_DEADLOCK, _TRIES = "40P01", 10

LOCK = "hashtext('ntm-migrate')"
"""The number, as SQL, of the lock that a migration holds, and whoever needs the schemas to stay as they are."""


async def migrate(engine: AsyncEngine, package: str, to: str = "head") -> None:
    """Bring the schema of a package to a version, by default the newest; one process at a time does it.

    Services that work meanwhile may lock tables in another order; where PostgreSQL breaks a migration off for that, it
    begins again.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            await _migrate(engine, package, to)
        except DBAPIError as error:
            if not tries_left or getattr(error.orig, "sqlstate", None) != _DEADLOCK:
                raise
            log.warning("a migration begins again", schema=_schema_of(package), reason=str(error.orig))
        else:
            return


async def _migrate(engine: AsyncEngine, package: str, to: str) -> None:
    schema = _schema_of(package)

    def upgrade(connection: Connection) -> None:
        config = _config(package, connection)
        command.upgrade(config, to)
        breaking = [
            script.revision
            for script in ScriptDirectory.from_config(config).iterate_revisions(to, "base")
            if getattr(script.module, "BREAKS_OLDER_PROGRAMS", False)
        ]
        if breaking:
            connection.execute(text(note(schema, max(breaking))))

    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        await connection.run_sync(upgrade)


async def pending_migrations(engine: AsyncEngine, package: str) -> list[str]:
    """Return the migrations that the schema of a package lacks, oldest first, each as its number and name."""
    schema = _schema_of(package)

    def pending(connection: Connection) -> list[str]:
        current = MigrationContext.configure(connection, opts={"version_table_schema": schema}).get_current_revision()
        scripts = ScriptDirectory.from_config(_config(package, connection))
        lacking = [script for script in scripts.iterate_revisions("head", current) if script.revision != current]
        return [Path(script.path).stem for script in reversed(lacking)]

    async with engine.connect() as connection:
        return await connection.run_sync(pending)


def knows_migration(package: str, number: str) -> bool:
    """Return whether the package has the migration with this number."""
    return number in numbers_of(package)


async def draft_migration(engine: AsyncEngine, package: str, message: str) -> None:
    """Write a migration from the package's tables and what the (migrated) database lacks of them."""

    def revise(connection: Connection) -> None:
        command.revision(_config(package, connection), message, autogenerate=True, rev_id=_next_number(package))

    async with engine.connect() as connection:
        await connection.run_sync(revise)


async def undrafted_changes(engine: AsyncEngine, package: str) -> list[Any]:
    """Return the differences between the package's tables and its migrations: none, unless somebody forgot one."""
    schema = _schema_of(package)

    def compare(connection: Connection) -> list[Any]:
        options = {"include_schemas": True, "include_name": _only(schema), "version_table_schema": schema}
        differences: list[Any] = compare_metadata(
            MigrationContext.configure(connection, opts=options), schema_metadata(schema)
        )
        return differences

    async with engine.connect() as connection:
        return await connection.run_sync(compare)


def schema_metadata(schema: str) -> MetaData:
    """Return the tables of one schema, out of all that were imported."""
    metadata = MetaData()
    for table in SQLModel.metadata.tables.values():
        if table.schema == schema:
            table.to_metadata(metadata)
    return metadata


def run_migrations() -> None:
    """Run the migrations that Alembic asks for; the `env.py` beside them calls this."""
    schema = context.config.attributes["schema"]
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=schema_metadata(schema),
        version_table_schema=schema,
        include_schemas=True,
        include_name=_only(schema),
        render_item=_plain_strings,
    )
    with context.begin_transaction():
        context.run_migrations()


def _schema_of(package: str) -> str:
    # importing the tables also registers them for the comparison
    schema: str = import_module(f"{package}.tables").SCHEMA
    return schema


def _next_number(package: str) -> str:
    return f"{int(max(numbers_of(package), default='0')) + 1:04}"


def _config(package: str, connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "schema": _schema_of(package)})
    config.set_main_option("script_location", str(migrations_of(package)).replace("%", "%%"))
    return config


def _only(schema: str) -> Callable[[str | None, str, object], bool]:
    return lambda name, kind, _parents: kind != "schema" or name == schema


def _plain_strings(kind: str, item: object, _context: object) -> str | Literal[False]:
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False
