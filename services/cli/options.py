"""Options that many commands have, and what they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.local.running_system import NotRunningError, RunningSystem
from services.cli.console import fail

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


def key_of(data: Path, key: str | None) -> str:
    """The key given, or the local system's own."""
    if key:
        return key
    try:
        return (data / OWN_KEY).read_text().strip()
    except FileNotFoundError:
        system_of(data)
        raise fail("No access key: give --key, or set NTM_KEY. `ntm agency add` makes one.") from None
