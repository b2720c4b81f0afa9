"""Connections to NATS that wait for the server, and connect again for ever."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.nats.library_seam import patch_nats_py
from shared.nats.unreachable import BrokerUnreachableError
from shared.settings import Settings

log = structlog.get_logger()


class _Connection(Client):
    """A client that records whether this process has closed it."""

    closed_by_us = False

    async def close(self) -> None:
        self.closed_by_us = True
        await super().close()


async def connect(settings: Settings, name: str, patience_seconds: float | None = None) -> Client:
    """Connect; wait for the servers where they are away. The process ends when the server closes the connection.

    With `patience_seconds` the waiting ends after that time, or at once where the servers refuse the credentials:
    BrokerUnreachableError.
    """
    patch_nats_py()
    errors: list[Exception] = []
    refused = asyncio.Event()

    async def note(error: Exception) -> None:
        errors.append(error)
        if "authorization violation" in str(error).lower():
            refused.set()

    if patience_seconds is None:
        return await _connect(settings, name, _log_error)
    connecting = asyncio.create_task(_connect(settings, name, note))
    giving_up = asyncio.create_task(refused.wait())
    await asyncio.wait({connecting, giving_up}, timeout=patience_seconds, return_when=asyncio.FIRST_COMPLETED)
    giving_up.cancel()
    if connecting.done():
        return connecting.result()
    connecting.cancel()
    with suppress(asyncio.CancelledError):
        await connecting
    raise BrokerUnreachableError(settings.nats_servers, errors[-1] if errors else TimeoutError())


async def _connect(settings: Settings, name: str, note: Callable[[Exception], Awaitable[None]]) -> Client:
    token = settings.nats_token.get_secret_value() if settings.nats_token else None

    async def closed() -> None:
        if not connection.closed_by_us:
            end_process(name)

    while True:
        connection = _Connection()
        try:
            await connection.connect(
                settings.nats_servers,
                name=name,
                token=token,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,  # type: ignore[arg-type] # parts of a second are taken as well
                connect_timeout=2,
                ping_interval=10,
                error_cb=note,
                closed_cb=closed,
            )
        except (OSError, NatsError, TimeoutError) as error:
            await note(error)
            await asyncio.sleep(0.5)
        else:
            return connection


def end_process(connection: str) -> None:
    """End this process, so that it is started again: nats-py does not reconnect after the server closed with an error.

    Without its connection a service would look alive and do nothing.
    """
    log.error("NATS closed the connection for good", connection=connection)
    signal.raise_signal(signal.SIGTERM)


async def _log_error(error: Exception) -> None:
    log.warning("NATS connection", error=str(error) or type(error).__name__)
