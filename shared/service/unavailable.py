"""Problem 503: a request that can be done later, with the reason where a stream is repaired, or something is full."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from shared.contracts.bilingual import Bilingual
from shared.nats.publishing import ClosedStreamError, StoreFullError
from shared.problems import Problem, Problems
from shared.texts import filled, phrase

_DISK_FULL = "53100"
"""PostgreSQL's SQLSTATE `disk_full`: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_SOON_SECONDS = 2
_REPAIRED_SECONDS = 10
_FULL_SECONDS = 30


def unavailable(error: BaseException | None = None, *, retry_seconds: int = _SOON_SECONDS) -> Problem:
    """Return problem 503 for an error that passes; it names a store or disk that is full, or a stream's repair."""
    if isinstance(error, ClosedStreamError):
        retry = str(_REPAIRED_SECONDS)
        return Problem(Problems.UNAVAILABLE, detail=phrase("unavailable.repaired"), headers={"Retry-After": retry})
    full = full_part(error)
    retry = str(retry_seconds if full is None else _FULL_SECONDS)
    return Problem(Problems.UNAVAILABLE, detail=full, headers={"Retry-After": retry})


def full_part(error: BaseException | None) -> Bilingual | None:
    """Say which store or disk is full and what is to be done; None where an error has another cause."""
    if isinstance(error, StoreFullError):
        if error.stream is None:
            return phrase("unavailable.store_full")
        return filled(phrase("unavailable.stream_full"), stream=error.stream)
    return phrase("unavailable.database_full") if is_database_full(error) else None


def is_database_full(error: BaseException | None) -> bool:
    """Say whether the database has no room on its disk."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) == _DISK_FULL
