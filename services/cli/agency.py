"""`ntm agency`: the agencies that may post, and their keys."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

import typer
from rich.table import Table

from deploy.local.clients import database
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.running_reference import plans_of
from services.cli.texts import phrase
from shared import text
from shared.access import caller
from shared.access.agency_keys import (
    ListedKey,
    NotRotatableError,
    Terms,
    UnknownKeyError,
    add_key,
    list_keys,
    revoke_keys,
    rotate_key,
)
from shared.access.caller import DEFAULT_RATE, EVERYTHING
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.reference.naming import unit_meant
from shared.texts import filled
from shared.time import VIETNAM, utc_now

app = typer.Typer(no_args_is_help=True, help="Agencies and their keys.")

Name = Annotated[str, typer.Argument(help="Name or id of the agency.")]
Expires = Annotated[
    str | None, typer.Option(help="Last day of the new key, such as 2024-12-31, or its number of days, such as 90.")
]
KeyId = Annotated[str | None, typer.Option("--key", help="Id of one key, as `ntm agency list` shows it.")]

_DURATION = re.compile(r"(\d{1,4})([mhd])", re.ASCII)
_DURATION_WORDS = {"m": "minutes", "h": "hours", "d": "days"}


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the office or system, such as 'Phòng LĐTBXH Văn Quan'.")],
    unit: Annotated[str, typer.Option(help="The agency's units, by codes or names, with all below them: 184,181.")],
    criteria: Annotated[str, typer.Option(help="Criteria that the agency reports on: ntm-11,ntm-12.")] = EVERYTHING,
    expires: Expires = None,
    rate: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Requests a minute that each process of a service takes.")
    ] = DEFAULT_RATE,
    data: Data = DATA,
) -> None:
    """Add an agency, unless there is one of this name, and print a new key for it. The key is shown once."""
    reference = run(plans_of(system_of(data))).references[-1]
    units, keys = units_of(unit, reference), split(criteria)
    check_scope(units, keys, reference)
    agency, terms = agency_id(name), Terms(_end(expires), rate)

    async def work() -> str:
        async with database(system_of(data)) as engine:
            return await add_key(engine, agency, name, units, keys, terms)

    key = run(work())
    console.print(f"{name} ({agency}): {', '.join(units)}; {', '.join(keys)}", highlight=False, markup=False)
    _show(key)


@app.command("list")
def list_agencies(data: Data = DATA) -> None:
    """Print the agencies and their keys, with the scope, last use and end of each key."""

    async def work() -> list[ListedKey]:
        async with database(system_of(data)) as engine:
            return await list_keys(engine)

    table = Table()
    for name, is_whole in {
        "cơ quan\nagency": True,
        "tên\nname": False,
        "khóa\nkey": True,
        "địa bàn\nunits": False,
        "tiêu chí\ncriteria": False,
        "mỗi phút\na minute": False,
        "tạo lúc\ncreated": False,
        "dùng gần nhất\nlast used": False,
        "hết hạn\nexpires": False,
        "trạng thái\nstate": True,
    }.items():
        table.add_column(name, overflow="fold", no_wrap=is_whole)
    for key in run(work()):
        moments = (moment(at) for at in (key.created_at, key.last_used_at, key.expires_at))
        scope = ", ".join(key.units), ", ".join(key.criteria), str(key.rate_per_minute)
        table.add_row(key.agency, key.name, key.id, *scope, *moments, key.state)
    console.print(table)


@app.command("rotate")
def rotate(
    name: Name,
    key: KeyId = None,
    overlap: Annotated[str, typer.Option(help="Time for which the old key stays valid: 30m, 24h, 7d.")] = "24h",
    expires: Expires = None,
    data: Data = DATA,
) -> None:
    """Print a new key with the scope of the old key, which stays valid for a while. The new key is shown once."""
    agency, overlap_time, end = agency_id(name), _duration(overlap), _end(expires)

    async def work() -> str:
        async with database(system_of(data)) as engine:
            return await rotate_key(engine, agency, key, overlap_time, end)

    try:
        made = run(work())
    except (UnknownKeyError, NotRotatableError) as error:
        raise fail(str(error.args[0])) from None
    words = filled(phrase("agency.old_key"), agency=agency, until=text.moment_named(utc_now() + overlap_time))
    console.print(words.in_both, highlight=False)
    _show(made)


@app.command("revoke")
def revoke(name: Name, key: KeyId = None, data: Data = DATA) -> None:
    """Revoke one key or all keys of an agency; every service refuses them within a second."""
    agency = agency_id(name)

    async def work() -> int:
        async with database(system_of(data)) as engine:
            return await revoke_keys(engine, agency, key)

    try:
        count = run(work())
    except UnknownKeyError as error:
        raise fail(str(error.args[0])) from None
    console.print(filled(phrase("agency.revoked"), agency=agency, count=count).in_both, highlight=False)


def agency_id(name: str) -> str:
    """Return the agency's id for a name; end the program when no id can be made of the name."""
    try:
        return caller.agency_id(name)
    except ValueError as error:
        raise fail(str(error), 2) from None


def _show(key: str) -> None:
    console.print(key, style="bold", highlight=False, soft_wrap=True)
    console.print("Giữ kín khóa này: nó chỉ hiện một lần. / Keep this key: it is shown once.", style="dim")


def moment(at: datetime | None) -> str:
    """Return a moment to the minute in Vietnam, for a table; nothing for None."""
    return text.moment(at) if at else ""


def _end(text: str | None) -> datetime | None:
    """Return the moment at which a key ends: after the given day in Vietnam, or after the given number of days."""
    if text is None:
        return None
    try:
        if text.isdecimal():
            end = utc_now() + timedelta(days=int(text))
        else:
            end = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), VIETNAM)
    except (ValueError, OverflowError):
        raise fail(filled(phrase("agency.bad_expiry"), text=text).in_both, 2) from None
    if end <= utc_now():
        raise fail(filled(phrase("agency.expired"), text=text).in_both, 2)
    return end


def _duration(text: str) -> timedelta:
    if not (match := _DURATION.fullmatch(text)):
        raise fail(filled(phrase("agency.bad_overlap"), text=text).in_both, 2)
    return timedelta(**{_DURATION_WORDS[match[2]]: int(match[1])})


def split(text: str) -> list[str]:
    """Return the parts of a list between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def units_of(text: str, reference: Reference) -> list[str]:
    """Return the codes of units that are named by codes or names, with commas between."""
    codes = []
    for part in split(text):
        meant = unit_meant(part, reference.units)
        if isinstance(meant, Bilingual):
            raise fail(meant.in_both, 2)
        codes.append(meant.code)
    return codes


def check_scope(units: list[str], criteria: list[str], reference: Reference) -> None:
    """End the program where a unit or a criterion does not exist, or none is named."""
    for key in criteria:
        if key != EVERYTHING and key not in reference.criterion_keys:
            keys = ", ".join(reference.criterion_keys)
            raise fail(filled(phrase("agency.no_criterion"), key=key, keys=keys).in_both, 2)
    if not units or not criteria:
        raise fail(phrase("agency.nothing").in_both, 2)
