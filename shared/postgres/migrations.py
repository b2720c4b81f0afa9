"""Migrations: one schema for each service, changed by Alembic."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

_SERVICES = Path(__file__).parent.parent.parent / "services"


async def migrate(engine: AsyncEngine, service: str) -> None:
    """Bring the schema of a service to its newest version; one process at a time does it."""

    def upgrade(connection: Connection) -> None:
        command.upgrade(_config(service, connection), "head")

    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ntm-migrate'))"))
        await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{service}"'))
        await connection.run_sync(upgrade)


async def draft_migration(engine: AsyncEngine, service: str, message: str) -> None:
    """Write a migration from what the tables say and the (migrated) database lacks."""

    # the tables have to be known before they can be compared
    import_module(f"services.{service}.storage.tables")

    def revise(connection: Connection) -> None:
        command.revision(_config(service, connection), message, autogenerate=True, rev_id=_next_number(service))

    async with engine.connect() as connection:
        await connection.run_sync(revise)


async def undrafted_changes(engine: AsyncEngine, service: str) -> list[Any]:
    """What the tables say and the migrations do not: nothing, or somebody forgot one."""

    def compare(connection: Connection) -> list[Any]:
        options = {"include_schemas": True, "include_name": _only(service), "version_table_schema": service}
        found: list[Any] = compare_metadata(
            MigrationContext.configure(connection, opts=options), schema_metadata(service)
        )
        return found

    async with engine.connect() as connection:
        return await connection.run_sync(compare)


def _next_number(service: str) -> str:
    return f"{len(list((_SERVICES / service / 'storage' / 'migrations' / 'versions').glob('[0-9]*.py'))) + 1:04}"


def _config(service: str, connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "service": service})
    config.set_main_option("script_location", str(_SERVICES / service / "storage" / "migrations").replace("%", "%%"))
    return config


def _only(service: str) -> Callable[[str | None, str, object], bool]:
    return lambda name, kind, _parents: kind != "schema" or name == service


def run_migrations() -> None:
    """What the `env.py` of each service's migrations calls."""
    service = context.config.attributes["service"]
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=schema_metadata(service),
        version_table_schema=service,
        include_schemas=True,
        include_name=_only(service),
        render_item=_plain_strings,
    )
    with context.begin_transaction():
        context.run_migrations()


def _plain_strings(kind: str, item: object, _context: object) -> str | Literal[False]:
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def schema_metadata(service: str) -> MetaData:
    """The tables of one service out of all that were imported."""
    metadata = MetaData()
    for table in SQLModel.metadata.tables.values():
        if table.schema == service:
            table.to_metadata(metadata)
    return metadata
