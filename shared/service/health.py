"""Health: whether the broker stores and the database commits, and the troubles that follow when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.bilingual import Bilingual
from shared.nats.publishing import silent_streams
from shared.nats.trial import Cause, NotStoredError, try_writing
from shared.operations.catalogue import Code
from shared.postgres.schema_version import misfit
from shared.service.unavailable import is_database_full
from shared.texts import filled, phrase

_FRESH_SECONDS = 2
_PATIENCE_SECONDS = 3

_CODES = {
    Cause.FULL: Code.DISK,
    Cause.SWITCHED_OFF: Code.DISK,
    Cause.NO_QUORUM: Code.QUORUM,
    Cause.AWAY: Code.BROKER,
    Cause.NO_STREAM: Code.BROKER,
}

type Troubles = Mapping[Code, Bilingual | None]


class Health:
    """Tries whether the parts that a service needs do their work; a try counts for a moment, for all who ask."""

    def __init__(
        self,
        service: str,
        nats: Client,
        engine: AsyncEngine,
        streams: Sequence[str] = (),
        migrations: Mapping[str, str] | None = None,
    ) -> None:
        """Try the parts of a service. `migrations`: by schema, the newest one that the program knows."""
        self._service, self._nats, self._engine, self._streams = service, nats, engine, streams
        self._migrations = migrations or {}
        self._tried: dict[str, tuple[float, Troubles]] = {}
        self._trying = asyncio.Lock()

    async def troubles(self) -> Troubles:
        """Return what is wrong with the broker and the database."""
        return {**await self.of_broker(), **await self.of_database()}

    async def of_broker(self) -> Troubles:
        """Return why the broker does not store, if it does not."""
        async with self._trying:
            return self._fresh("nats") or self._keep("nats", await self._try_broker())

    async def of_database(self) -> Troubles:
        """Return why the database does not commit, if it does not."""
        async with self._trying:
            return self._fresh("database") or self._keep("database", await self._try_database())

    def _fresh(self, part: str) -> Troubles | None:
        at, troubles = self._tried.get(part, (0.0, None))
        return troubles if troubles is not None and monotonic() - at < _FRESH_SECONDS else None

    def _keep(self, part: str, troubles: Troubles) -> Troubles:
        self._tried[part] = (monotonic(), troubles)
        return troubles

    async def _try_broker(self) -> Troubles:
        try:
            await try_writing(self._nats, self._service, self._streams)
        except NotStoredError as error:
            return {_CODES[error.cause]: _as_it_is(error)}
        if silent := silent_streams(self._nats):
            return {Code.BROKER: filled(phrase("health.silent"), streams=", ".join(silent))}
        return {}

    async def _try_database(self) -> Troubles:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await write_to_database(self._engine)
                async with self._engine.connect() as connection:
                    words = await misfit(connection, self._migrations)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the database does not work
            code = Code.DISK if is_database_full(error) else Code.DATABASE
            return {code: _as_it_is(getattr(error, "orig", None) or error)}
        return {Code.SCHEMA: words} if words else {}


async def write_to_database(engine: AsyncEngine) -> None:
    """Commit a message to the database's log, in no table: it needs no right, and fails on a full disk."""
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_logical_emit_message(true, 'ntm', 'trial')"))


def _as_it_is(error: BaseException) -> Bilingual:
    words = str(error).partition("\n")[0] or type(error).__name__
    return Bilingual(vi=words, en=words)
