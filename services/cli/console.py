"""The console of the commands: their output, their errors, and the loop that runs their work."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any

import typer
from rich.console import Console

from services.cli.json_lines import JsonLines
from shared.contracts.bilingual import Bilingual
from shared.nats.unreachable import BrokerUnusableError

_IS_LOG = os.environ.get("NTM_COMMAND_LINES") == "json"
if _IS_LOG:  # also what others print, such as a traceback
    sys.stdout, sys.stderr = JsonLines(sys.stdout, "info"), JsonLines(sys.stderr, "error")
# output into a file or a pipe has 180 columns, since no terminal gives a width; a line of a log is not broken
console = Console(width=None if sys.stdout.isatty() else 180, soft_wrap=_IS_LOG)
errors = Console(stderr=True, soft_wrap=True)


_NOT_MIGRATED = ("3F000", "42P01", "42703")
"""What PostgreSQL says where a schema, a table or a column is missing."""
_AWAY = ("08", "28", "3D", "53", "57", "58")
"""The classes of what it says where it cannot be used: connection, login, database, resources, operator, system."""


def fail(message: str, status: int = 1) -> typer.Exit:
    """Print an error, and return the exception for the caller to raise, which ends the program."""
    errors.print(message, style="red", highlight=False, markup=False)
    return typer.Exit(status)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; Ctrl-C ends it quietly, a broker or a database that cannot be used with its words."""
    try:
        return asyncio.run(work)
    except BrokerUnusableError as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except typer.Exit:  # its words are said
        raise
    except Exception as error:
        if (words := words_of(error)) is None:
            raise
        raise fail(words.in_both) from None


def words_of(error: Exception) -> Bilingual | None:
    """Return what to say of a broker or a database that does not do what a command asks of it; None: it is no such
    error.
    """
    # loaded in the function: only a command that fails needs them
    from asyncpg import InterfaceError, PostgresError
    from nats.errors import Error as NatsError
    from nats.js.errors import NotFoundError, ServiceUnavailableError
    from sqlalchemy.exc import DBAPIError

    from services.cli.texts import phrase
    from shared.nats.consumers import DamagedConsumersError
    from shared.nats.publishing import BrokerUnavailableError
    from shared.texts import filled

    if isinstance(error, ExceptionGroup):
        return words_of(error.exceptions[0])
    reason = str(error) or type(error).__name__
    if isinstance(error, DamagedConsumersError):
        return filled(phrase("console.consumers_damaged"), directories=", ".join(error.directories))
    if isinstance(error, NotFoundError):
        return filled(phrase("console.not_found"), reason=error.description or reason)
    if isinstance(error, ServiceUnavailableError | BrokerUnavailableError | NatsError):
        return filled(phrase("console.broker"), reason=reason)
    driver = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver, "sqlstate", None) or ""
    if state in _NOT_MIGRATED:
        return filled(phrase("console.not_migrated"), reason=_first_line(driver))
    is_away = not state or state.startswith(_AWAY)
    if is_away and isinstance(error, DBAPIError | InterfaceError | PostgresError | ConnectionError | TimeoutError):
        return filled(phrase("console.database"), reason=_first_line(driver))
    return None


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
