"""Which faults are of the surroundings, so that the same work may succeed later."""

from __future__ import annotations

from nats.errors import Error as NatsError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from shared.messaging import BrokerUnavailableError

# SQLSTATE classes that blame the content: cardinality, data, integrity, syntax or access rule
_CONTENT_CLASSES = ("21", "22", "23", "42")


def is_transient(error: Exception) -> bool:
    """Whether the database, the broker or the network is at fault, rather than what was to be done."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return not (
            state.startswith(_CONTENT_CLASSES) or isinstance(error, DataError | IntegrityError | ProgrammingError)
        )
    return isinstance(error, OSError | NatsError | BrokerUnavailableError | TimeoutError)
