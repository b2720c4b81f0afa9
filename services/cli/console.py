"""What the commands have alike: the data directory, the running system, its connections, the key, the console."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import typer
from rich.console import Console

# what goes into a file or a pipe is not broken at the width of a terminal that is not there
console = Console(width=None if sys.stdout.isatty() else 180)
errors = Console(stderr=True, soft_wrap=True)


def fail(message: str, status: int = 1) -> typer.Exit:
    """Say what is wrong; raise what this returns to end the program."""
    errors.print(message, style="red", highlight=False, markup=False)
    return typer.Exit(status)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; Ctrl-C ends it quietly."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
