"""Connections to NATS that wait for the server, and connect again for ever."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nkeys
import structlog
from nats.aio.client import DEFAULT_INBOX_PREFIX, Client
from nats.errors import Error as NatsError

from shared.nats.library_seam import patch_nats_py
from shared.nats.roles import inbox_of
from shared.nats.signing_keys import SigningKeys, sign_by
from shared.nats.unreachable import BrokerUnreachableError, CredentialsRefusedError, ForbiddenError
from shared.settings import Settings

log = structlog.get_logger()


class _Connection(Client):
    """A client that records whether this process has closed it."""

    closed_by_us = False

    async def close(self) -> None:
        self.closed_by_us = True
        await super().close()


async def connect(
    settings: Settings,
    name: str,
    patience_seconds: float | None = None,
    forbidden: Callable[[str], None] | None = None,
) -> Client:
    """Connect; wait for the servers where they are away. The process ends when the server closes the connection.

    With `patience_seconds` the waiting ends after that time: BrokerUnreachableError. Where the servers refuse the user
    it ends at once: CredentialsRefusedError. `forbidden` is told what the user may not do.
    """
    patch_nats_py()
    _check_seed(settings.nats_seed_file)
    errors: list[Exception] = []
    refused = asyncio.Event()

    async def note(error: Exception) -> None:
        errors.append(error)
        text = str(error).lower()
        if "authorization violation" in text:
            refused.set()
        elif forbidden is not None and "permissions violation" in text:
            forbidden(str(error))
        elif patience_seconds is None:
            log.warning("NATS connection", error=str(error) or type(error).__name__)

    connecting = asyncio.create_task(_connect(settings, name, note))
    giving_up = asyncio.create_task(refused.wait())
    await asyncio.wait({connecting, giving_up}, timeout=patience_seconds, return_when=asyncio.FIRST_COMPLETED)
    giving_up.cancel()
    if connecting.done():
        return connecting.result()
    connecting.cancel()
    with suppress(asyncio.CancelledError):
        await connecting
    if refused.is_set():
        raise CredentialsRefusedError(settings.nats_seed_file, str(errors[-1]))
    raise BrokerUnreachableError(settings.nats_servers, errors[-1] if errors else TimeoutError())


@asynccontextmanager
async def connected(settings: Settings, name: str, patience_seconds: float) -> AsyncIterator[Client]:
    """Yield a connection for a command. The block ends by ForbiddenError at the first thing that its user may not do.

    The server answers nothing to what it forbids, so that the block would wait in vain.
    """
    task, refusals = asyncio.current_task(), list[str]()

    def forbidden(reason: str) -> None:
        refusals.append(reason)
        if task is not None:
            task.cancel()

    nats = await connect(settings, name, patience_seconds, forbidden)
    try:
        yield nats
    except asyncio.CancelledError:
        if not refusals or task is None:
            raise
        task.uncancel()
        raise ForbiddenError(settings.nats_seed_file, refusals[0]) from None
    finally:
        await nats.close()


def _check_seed(seed: Path | None) -> None:
    if seed is None:
        return
    try:
        nkeys.from_seed(bytearray(seed.read_bytes().strip()))
    except (OSError, ValueError, nkeys.NkeysError) as error:
        raise CredentialsRefusedError(seed, str(error) or type(error).__name__) from None


async def _connect(settings: Settings, name: str, note: Callable[[Exception], Awaitable[None]]) -> Client:
    async def closed() -> None:
        if not connection.closed_by_us:
            end_process(name)

    seed, tls = settings.nats_seed_file, settings.nats_tls
    while True:
        connection = _Connection()
        try:
            await connection.connect(
                settings.nats_servers,
                name=name,
                tls=tls,
                nkeys_seed=None if seed is None else str(seed),
                inbox_prefix=inbox_prefix(settings),
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
            if settings.signing_keys:
                sign_by(connection, SigningKeys(settings.signing_keys))
            return connection


def inbox_prefix(settings: Settings) -> bytes:
    """Return the prefix of this program's inboxes, which as a user's nobody else can hear."""
    seed = settings.nats_seed_file
    return DEFAULT_INBOX_PREFIX if seed is None else inbox_of(seed.stem).encode()


def end_process(connection: str) -> None:
    """End this process, so that it is started again: nats-py does not reconnect after the server closed with an error.

    Without its connection a service would look alive and do nothing.
    """
    log.error("NATS closed the connection for good", connection=connection)
    signal.raise_signal(signal.SIGTERM)
