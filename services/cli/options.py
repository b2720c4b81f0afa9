"""Options that many commands have, and the system and the key that they name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ByteSize, TypeAdapter, ValidationError

from deploy.local.clients import settings_of
from deploy.local.running_system import NotRunningError, RunningSystem
from services.cli.console import fail
from services.cli.texts import phrase
from shared.texts import filled

Data = Annotated[
    Path, typer.Option("--data", envvar="NTM_DATA", help="Directory of the system's data, by which `ntm` finds it.")
]


DATA = Path(".ntm")


Under = Annotated[
    str | None, typer.Option(help="Only what is below this unit, by its code or name: 184, 'Văn Quan', 'van quan'.")
]
"""A district, or another unit, whose communes an answer is limited to: see `unit_code`."""


Key = Annotated[
    str | None, typer.Option("--key", envvar="NTM_KEY", help="Access key; by default the local system's own.")
]


OWN_KEY = "own-key"
"""The file in the data directory with the key of the person who runs the local system."""

OWN_ACCOUNT = "own-account"
"""The file with the sign-in name and the first password of this person, until the password is changed."""


def system_of(data: Path) -> RunningSystem:
    """Return the system that runs on the directory; end the program with advice when there is none."""
    try:
        return RunningSystem.find(data)
    except NotRunningError as error:
        raise fail(str(error)) from None


def key_of(data: Path, key: str | None) -> str:
    """Return the given key, or else the local system's own."""
    if found := key_at_hand(data, key):
        return found
    system_of(data)
    raise fail(phrase("options.no_key").in_both)


def key_at_hand(data: Path, key: str | None) -> str | None:
    """Return the given key, or else the local system's own; None where there is neither."""
    with suppress(FileNotFoundError):
        return key or (data / OWN_KEY).read_text().strip()
    return None


def unit_code(data: Path, text: str | None, *, is_area: bool = False) -> str | None:
    """Return the code of the unit that an option names by code or name; None where none is given.

    `is_area`: a district is meant, where it and a town have the same name.
    """
    if text is None or text.isdecimal():  # an unknown code is the service's to refuse, with its words
        return text
    # loaded in the function: a command with a code does not need the reference data
    from shared.reference.load import load_for
    from shared.reference.models import Unit
    from shared.reference.naming import unit_meant

    units = load_for(settings_of(system_of(data))).references[-1].units
    meant = unit_meant(text, units, is_area=is_area)
    if isinstance(meant, Unit):
        return meant.code
    raise fail(meant.in_both, 2)


def size_in_bytes(size: str | None) -> int | None:
    """Return the bytes of a size such as 20GB; None where none is given."""
    if not size:
        return None
    try:
        number = int(TypeAdapter(ByteSize).validate_python(size))
    except ValidationError:
        number = 0
    if number <= 0:
        raise fail(filled(phrase("options.bad_size"), value=size).in_both, 2)
    return number
