"""`ntm up` makes an account for the person who runs the system, with a first password in a file."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from deploy.local.running_system import RunningSystem
from services.cli.own_access import OWN_NAME, own_password
from shared.access.accounts import AccountRow, disable_account, list_accounts, reset_password
from tests.people import an_account, post_form, signed_in
from tests.running import Service, Surroundings

OTHER = "chim sẻ đậu mái đình"


@pytest.fixture
async def system(shared_around: Surroundings, shared_intake: Service) -> RunningSystem:
    """The running system, whose operator has no account yet."""
    await forget(shared_around)
    return shared_around.as_running_system()


async def forget(around: Surroundings) -> None:
    async with around.engine.begin() as connection:
        for table, column in (("session", "account"), ("account", "name")):
            await connection.execute(text(f"DELETE FROM access.{table} WHERE {column} = :name"), {"name": OWN_NAME})  # noqa: S608


async def account(around: Surroundings) -> AccountRow:
    return next(row for row in await list_accounts(around.engine) if row.name == OWN_NAME)


async def opens(service: Service, password: str) -> bool:
    async with service.client() as client:
        return (
            await post_form(client, "/sign-in", name=OWN_NAME, password=password)
        ).status_code == httpx.codes.SEE_OTHER


async def test_the_first_start_makes_an_account_for_the_province_with_a_first_password_in_a_private_file(
    shared_around: Surroundings, shared_intake: Service, system: RunningSystem, tmp_path: Path
) -> None:
    password = await own_password(system, tmp_path)
    file = tmp_path / "own-account"
    assert file.read_text() == f"{OWN_NAME}\n{password}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    made = await account(shared_around)
    assert (made.role, made.units, made.criteria) == ("coordinator", ["20"], ["*"])
    assert password
    assert await opens(shared_intake, password)
    assert await own_password(system, tmp_path) == password, "a later start makes no other"


async def test_a_chosen_password_is_left_alone_and_the_file_goes(
    shared_around: Surroundings, shared_intake: Service, system: RunningSystem, tmp_path: Path
) -> None:
    first = await own_password(system, tmp_path)
    assert first
    async with signed_in(shared_intake.url, OWN_NAME, first) as client:
        fields = {"form": client.headers["X-NTM-Form"], "present": first, "new": OTHER, "again": OTHER}
        assert (await post_form(client, "/password", **fields)).status_code == httpx.codes.SEE_OTHER
    assert await own_password(system, tmp_path) is None
    assert not (tmp_path / "own-account").exists()
    assert await opens(shared_intake, OTHER)


async def test_a_closed_account_stays_closed(
    shared_around: Surroundings, system: RunningSystem, tmp_path: Path
) -> None:
    await own_password(system, tmp_path)
    await disable_account(shared_around.engine, OWN_NAME)
    assert await own_password(system, tmp_path) is None
    assert (await account(shared_around)).disabled_at


@pytest.mark.parametrize("how", ["expired", "reset", "no file", "empty file", "another database"])
async def test_a_first_password_that_opens_nothing_is_replaced(
    shared_around: Surroundings, shared_intake: Service, system: RunningSystem, tmp_path: Path, how: str
) -> None:
    before = await own_password(system, tmp_path)
    if how == "expired":
        async with shared_around.engine.begin() as connection:
            await connection.execute(text("UPDATE access.account SET one_time_until = now() WHERE name = 'dieuphoi'"))
    elif how == "reset":
        await reset_password(shared_around.engine, OWN_NAME)
    elif how == "no file":
        (tmp_path / "own-account").unlink()
    elif how == "empty file":
        (tmp_path / "own-account").write_text("")
    else:
        await forget(shared_around)
    password = await own_password(system, tmp_path)
    assert password
    assert password != before
    assert (tmp_path / "own-account").read_text() == f"{OWN_NAME}\n{password}\n"
    assert await opens(shared_intake, password)


async def test_an_account_of_this_name_that_somebody_else_has_is_left_alone(
    shared_around: Surroundings, shared_intake: Service, system: RunningSystem, tmp_path: Path
) -> None:
    theirs = await an_account(shared_around.engine, OWN_NAME, "20", role="viewer", first=True)
    assert await own_password(system, tmp_path) is None
    assert (await account(shared_around)).role == "viewer"
    assert await opens(shared_intake, theirs)
