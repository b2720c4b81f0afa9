"""`ntm agency`: who may post, and with which key."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from services.cli.session import DATA, Data, console, database, fail, run, system_of
from shared.access import EVERYTHING, AccessKey, Agency, add_key, revoke_keys
from shared.database import table_of
from shared.reference.load import load
from shared.text import without_diacritics

app = typer.Typer(no_args_is_help=True, help="Agencies and their keys.")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the office or system, such as 'Phòng LĐTBXH Văn Quan'.")],
    unit: Annotated[str, typer.Option(help="Codes of the units that it answers for, and all below them: 184,181")],
    criteria: Annotated[str, typer.Option(help="Criteria that it reports on, such as ntm-11,ntm-12.")] = EVERYTHING,
    data: Data = DATA,
) -> None:
    """Make an agency (or find it) and print a new key for it. The key is shown this once."""
    units, keys = _split(unit), _split(criteria)
    _check(units, keys)

    async def work() -> str:
        async with database(system_of(data)) as engine:
            return await add_key(engine, agency_id(name), name, units, keys)

    key = run(work())
    console.print(f"{name} ({agency_id(name)}): {', '.join(units)}; {', '.join(keys)}", highlight=False, markup=False)
    console.print(key, style="bold", highlight=False, soft_wrap=True)
    console.print("Giữ kín khóa này: nó chỉ hiện một lần. / Keep this key: it is shown once.", style="dim")


@app.command("list")
def list_agencies(data: Data = DATA) -> None:
    """Print the agencies and the scopes of their keys."""

    async def work() -> Table:
        keys, agencies = table_of(AccessKey), table_of(Agency)
        query = select(keys, agencies.c.name).join(agencies, agencies.c.id == keys.c.agency).order_by(keys.c.created_at)
        table = Table("agency", "name", "key", "units", "criteria", "created", "revoked")
        async with database(system_of(data)) as engine, engine.connect() as connection:
            for row in await connection.execute(query):
                revoked = f"{row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else ""
                scope = ", ".join(row.units), ", ".join(row.criteria)
                table.add_row(row.agency, row.name, row.id, *scope, f"{row.created_at:%Y-%m-%d %H:%M}", revoked)
        return table

    console.print(run(work()))


@app.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="Name or id of the agency.")], data: Data = DATA) -> None:
    """Revoke all keys of an agency; within a second they open nothing."""

    async def work() -> int:
        async with database(system_of(data)) as engine:
            return await revoke_keys(engine, agency_id(name))

    console.print(f"{run(work())} keys of {agency_id(name)} revoked.", highlight=False)


def agency_id(name: str) -> str:
    """The name as it stands in subjects: `phong-ldtbxh-van-quan`."""
    plain = re.sub(r"[^a-z0-9]+", "-", without_diacritics(name).lower()).strip("-")
    if not plain or len(plain) > 64:
        raise fail(f"{name[:80]!r}: an agency's name needs 1 to 64 letters and digits.", 2)
    return plain


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _check(units: list[str], criteria: list[str]) -> None:
    reference = load()
    for code in units:
        if not reference.units.known(code):
            raise fail(f"No unit has the code {code}. The province is {reference.plan.unit}.", 2)
    for key in criteria:
        if key != EVERYTHING and key not in reference.criterion_keys:
            raise fail(f"No criterion is called {key}. There are: {', '.join(reference.criterion_keys)}", 2)
    if not units or not criteria:
        raise fail("At least one unit and one criterion (or * for all) are needed.", 2)
