"""The way to PostgreSQL: engines, and migrations of one schema per service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import structlog
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from pydantic_core import from_json, to_json
from sqlalchemy import ARRAY, ColumnElement, Connection, MetaData, Select, Table, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from shared.settings import Settings

log = structlog.get_logger()

_LAZILY = text("SET LOCAL synchronous_commit TO off")
_SERVICES = Path(__file__).parent.parent / "services"


def create_engine(settings: Settings, name: str) -> AsyncEngine:
    """An engine whose connections are checked before use, so that a restart of the database is survived."""
    return create_async_engine(
        settings.database_url.get_secret_value(),
        pool_pre_ping=True,
        json_serializer=_as_json,
        json_deserializer=from_json,
        hide_parameters=True,  # they hold figures and addresses, and errors are logged
        pool_size=10,
        pool_use_lifo=True,  # the one used last knows the statements, and so does its server process
        pool_timeout=5,
        connect_args={"timeout": 10, "command_timeout": 60, "server_settings": {"application_name": f"ntm-{name}"}},
    )


def _as_json(value: object) -> str:
    """Values, and models as they are: pydantic's own writer and reader are three times as fast as the standard ones."""
    return to_json(value).decode()


def table_of(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table of a SQLModel class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


async def upsert(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, replacing those whose primary key is there already: one statement for all of them."""
    if rows:
        await connection.execute(_upsert(table_of(model), tuple(rows[0])), columns_of(rows))


@lru_cache
def _upsert(table: Table, names: tuple[str, ...]) -> Insert:
    key = [column.name for column in table.primary_key]
    statement = insert_rows(table, names)
    replaced = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


@lru_cache
def insert_rows(table: Table, names: tuple[str, ...]) -> Insert:
    """An INSERT of any number of rows, given by column (`columns_of`): far faster than one by one. Made once for each
    table and names: making it takes longer than many an execution.
    """
    arrays = {name: bindparam(name, type_=ARRAY(table.c[name].type, dimensions=1)) for name in names}
    return insert(table).from_select(list(names), unnested(arrays))


def unnested(arrays: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """The rows that arrays of equal length make side by side, by the names of their columns."""
    return select(*(func.unnest(array).label(name) for name, array in arrays.items()))


async def copy_in(
    connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], schema: str
) -> None:
    """Insert many rows of which none is there yet, by COPY, which is several times as fast again. The connection's
    transaction must have begun with another statement.
    """
    if rows:
        table, names = table_of(model), list(rows[0])
        as_json = {name for name in names if isinstance(table.c[name].type, JSONB)}
        records = [
            tuple(_as_json(row[name]) if name in as_json and row[name] is not None else row[name] for name in names)
            for row in rows
        ]
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        await driver.copy_records_to_table(table.name, schema_name=schema, columns=names, records=records)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows, of which all have the same names, as `insert_rows` takes them: each column's values."""
    return {name: [row[name] for row in rows] for name in rows[0]}


async def commit_lazily(connection: AsyncConnection) -> None:
    """Let this transaction's commit not wait for the disk: for what would only be done again if a failure of the
    database undid it. Whatever is committed later and waits for the disk brings this there too.
    """
    await connection.execute(_LAZILY)


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
