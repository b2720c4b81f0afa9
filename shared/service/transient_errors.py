"""Transient errors: the same work may succeed later, since its content is not at fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from asyncpg.exceptions import InternalClientError, PostgresError
from nats.errors import Error as NatsError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from shared.nats.publishing import BrokerUnavailableError
from shared.service.reference_versions import UnusableVersionError

log = structlog.get_logger()

_AGAIN_SECONDS = 1.0

# SQLSTATE classes that blame the content: cardinality, data, integrity. A missing column (42) is no such error: where
# somebody forgot to migrate, the service must not park accepted submissions.
_CONTENT_CLASSES = ("21", "22", "23")


def blames_content(error: Exception) -> bool:
    """Return whether the database refuses a value, and would refuse it again."""
    if isinstance(error, PostgresError):  # of what goes to the driver directly
        return (error.sqlstate or "").startswith(_CONTENT_CLASSES)
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    # the driver itself refuses a date or number that has no place in PostgreSQL with a ValueError
    refused = isinstance(error.orig, ValueError) or isinstance(getattr(error.orig, "__cause__", None), ValueError)
    return refused or state.startswith(_CONTENT_CLASSES) or isinstance(error, DataError | IntegrityError)


def is_transient(error: Exception) -> bool:
    """Return whether the database, the broker, the network or the version of this program is at fault.

    Such an error does not blame the content.
    """
    if isinstance(error, DBAPIError | PostgresError):
        return not blames_content(error)
    # the driver's own error: a server died in the middle of its answer
    away = OSError | NatsError | BrokerUnavailableError | TimeoutError | NoConnectionLeftError | InternalClientError
    return isinstance(error, away | UnusableVersionError)


async def once_possible[Result](work: Callable[[], Awaitable[Result]]) -> Result:
    """Do a work of the start, again and again while a transient error stops it, and return its result."""
    while True:
        try:
            return await work()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("start waits", error=type(error).__name__, reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)
