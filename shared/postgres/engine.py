"""Database engines that survive a restart of the database, and days in it that Python does not know."""

from __future__ import annotations

from typing import Any

from asyncpg import Connection
from pydantic_core import from_json, to_json
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.postgres import moments
from shared.settings import Settings

_KEPT_CONNECTIONS = 10
_MORE_CONNECTIONS = 10
CONNECTIONS_LIMIT = _KEPT_CONNECTIONS + _MORE_CONNECTIONS
"""The most connections that a process has open to the database."""


def create_engine(settings: Settings, name: str) -> AsyncEngine:
    """Return an engine that looks whether its connections are open before use, so that it survives a restart.

    The database is not asked for that: SQLAlchemy's `pool_pre_ping` begins a transaction, asks and ends it, three round
    trips before the first of our own. A server that goes away closes its connections, and asyncio hears of it.
    """
    tls = settings.database_tls
    engine = create_async_engine(
        settings.database_url.get_secret_value(),
        json_serializer=as_json,
        json_deserializer=from_json,
        hide_parameters=True,  # the parameters hold figures and addresses, and errors are logged
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_use_lifo=True,  # the connection used last, and its server process, know the statements already
        pool_timeout=5,
        connect_args={
            "timeout": 10,
            "command_timeout": 60,
            # scoring's migrations 0017 and 0021 to 0023 take care of programs of before, which do not say this
            "server_settings": {
                "application_name": f"ntm-{name}",
                "ntm.counts_figures": "yes",
                "ntm.knows_reports": "yes",
                "ntm.knows_paths": "yes",
            },
            **({} if tls is None else {"ssl": tls}),
        },
    )
    event.listen(engine.sync_engine, "connect", _read_all_days)
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    return engine


def _read_all_days(connection: Any, _: object) -> None:
    connection.run_async(_set_codecs)


def _replace_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool open a new connection in the place of a closed one, and of all others as old."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


async def _set_codecs(connection: Connection) -> None:
    for codec in moments.CODECS:
        await connection.set_type_codec(**codec._asdict(), schema="pg_catalog", format="tuple")


class WrittenJson(str):
    """JSON that is written already, such as the body of a message that is stored too."""

    __slots__ = ()


def as_json(value: object) -> str:
    """Write a value or pydantic model as JSON, three times as fast as the standard library."""
    return value if isinstance(value, WrittenJson) else to_json(value).decode()
