"""The console of the commands: their output, their errors, and the loop that runs their work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import typer
from rich.console import Console

from shared.nats.unreachable import BrokerUnusableError

# output into a file or a pipe has 180 columns, since no terminal gives a width
console = Console(width=None if sys.stdout.isatty() else 180)
errors = Console(stderr=True, soft_wrap=True)


def fail(message: str, status: int = 1) -> typer.Exit:
    """Print an error, and return the exception for the caller to raise, which ends the program."""
    errors.print(message, style="red", highlight=False, markup=False)
    return typer.Exit(status)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; Ctrl-C ends it quietly, a broker that cannot be used with its words."""
    try:
        return asyncio.run(work)
    except BrokerUnusableError as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
