"""Connections to NATS that wait for the server, and connect again for ever."""

from __future__ import annotations

import asyncio
import signal

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.nats.library_seam import patch_nats_py
from shared.settings import Settings

log = structlog.get_logger()


class _Connection(Client):
    """A client that records whether this process has closed it."""

    closed_by_us = False

    async def close(self) -> None:
        self.closed_by_us = True
        await super().close()


async def connect(settings: Settings, name: str) -> Client:
    """Connect; wait for the server where it is away. The process ends when the server closes the connection."""
    patch_nats_py()
    token = settings.nats_token.get_secret_value() if settings.nats_token else None

    async def closed() -> None:
        if not connection.closed_by_us:
            end_process(name)

    while True:
        connection = _Connection()
        try:
            await connection.connect(
                settings.nats_url,
                name=name,
                token=token,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,  # type: ignore[arg-type] # parts of a second are taken as well
                connect_timeout=2,
                ping_interval=10,
                error_cb=_log_error,
                closed_cb=closed,
            )
        except (OSError, NatsError, TimeoutError) as error:
            log.warning("waiting for NATS", error=str(error) or type(error).__name__)
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
