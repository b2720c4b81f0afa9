"""What the commands have alike: the data directory, the running system, its connections, the key, the console."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from deploy.local.running_system import NotRunningError, RunningSystem

# what goes into a file or a pipe is not broken at the width of a terminal that is not there
console = Console(width=None if sys.stdout.isatty() else 180)
errors = Console(stderr=True, soft_wrap=True)

Data = Annotated[
    Path, typer.Option("--data", envvar="NTM_DATA", help="Directory of the system's data; how a running one is found.")
]
DATA = Path(".ntm")

Key = Annotated[
    str | None, typer.Option("--key", envvar="NTM_KEY", help="Access key; by default the local system's own.")
]

OWN_KEY = "own-key"
"""File in the data directory: the key of whoever runs the local system."""


def system_of(data: Path) -> RunningSystem:
    """The system that runs on the directory; ends the program with advice when none does."""
    try:
        return RunningSystem.find(data)
    except NotRunningError as error:
        raise fail(str(error)) from None


def fail(message: str, status: int = 1) -> typer.Exit:
    """Say what is wrong; raise what this returns to end the program."""
    errors.print(message, style="red", highlight=False, markup=False)
    return typer.Exit(status)


def key_of(data: Path, key: str | None) -> str:
    """The key given, or the local system's own."""
    if key:
        return key
    try:
        return (data / OWN_KEY).read_text().strip()
    except FileNotFoundError:
        system_of(data)
        raise fail("No access key: give --key, or set NTM_KEY. `ntm agency add` makes one.") from None


async def get(client: httpx.AsyncClient, url: str, **parameters: object) -> Any:
    """The JSON of a GET; ends the program with the problem's words when it is refused."""
    wanted = {name: str(value) for name, value in parameters.items() if value is not None}
    try:
        response = await client.get(url, params=wanted)
    except httpx.HTTPError as error:
        raise fail(f"{url}: {error or type(error).__name__}") from None
    if response.is_error:
        raise fail(problem_text(response))
    return response.json()


def problem_text(response: httpx.Response) -> str:
    """What a problem document says."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "title" not in document:
        return f"{response.status_code} {response.reason_phrase}".rstrip()
    lines = [f"{response.status_code} {document['title']}: {document.get('detail', '')}".rstrip(": ")]
    lines += [f"  {error['pointer']}: {error['detail']}" for error in document.get("errors", [])]
    return "\n".join(lines)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; Ctrl-C ends it quietly."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
