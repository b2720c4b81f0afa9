"""The key and the account of the person who runs the local system, for the whole province.

Both are made once and kept in files that only this person can read. A database that was lost knows neither any more,
and then others are made.
"""

from __future__ import annotations

from pathlib import Path

from httpx import codes
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import database, http
from deploy.local.running_system import RunningSystem, write_private
from services.cli.options import OWN_ACCOUNT, OWN_KEY
from shared.access.accounts import Person, add_account, find_account, reset_password
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.access.passwords import is_password
from shared.reference.load import load
from shared.time import utc_now

OWN_NAME = "dieuphoi"
"""The name by which the person who runs the local system signs in: `điều phối`, the coordination office."""

_AGENCY = ("own", "Văn phòng Điều phối trên máy này")
_FULL_NAME = "Người vận hành"


async def own_key(system: RunningSystem, data: Path) -> str:
    """Return the key of the person who runs the system."""
    path = data / OWN_KEY
    if not path.exists() or not await _opens(system, path.read_text().strip()):
        async with database(system) as engine:
            write_private(path, await add_key(engine, *_AGENCY, [load().plan.unit], [EVERYTHING]))
    return path.read_text().strip()


async def own_password(system: RunningSystem, data: Path) -> str | None:
    """Return the first password of the account of the person who runs the system.

    None once the person has chosen another, which is written nowhere, or has closed the account.
    """
    path = data / OWN_ACCOUNT
    held = path.read_text(encoding="utf-8").split()[-1:] if path.exists() else []
    async with database(system) as engine:
        async with engine.connect() as connection:
            account = await find_account(connection, OWN_NAME)
        if account and (account.agency != _AGENCY[0] or account.state(utc_now()) in ("active", "disabled")):
            path.unlink(missing_ok=True)
            return None
        if (
            account
            and account.state(utc_now()) == "first sign-in"
            and is_password("".join(held), account.password_hash)
        ):
            return held[0]
        password = await _first_password(engine, is_new=account is None)
        write_private(path, f"{OWN_NAME}\n{password}\n")
        return password


async def _first_password(engine: AsyncEngine, *, is_new: bool) -> str:
    if not is_new:
        return await reset_password(engine, OWN_NAME)
    person = Person(OWN_NAME, _FULL_NAME, *_AGENCY, "coordinator", (load().plan.unit,), (EVERYTHING,))
    return await add_account(engine, person)


async def _opens(system: RunningSystem, key: str) -> bool:
    async with http(key) as client:
        return (await client.get(f"{system.intake_url}/v1/me")).status_code != codes.UNAUTHORIZED
