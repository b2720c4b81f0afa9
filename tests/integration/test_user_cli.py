"""`ntm user` as a program, on a real database."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from shared.access.accounts import AccountRow, list_accounts
from shared.access.passwords import is_password
from shared.access.tables import SessionRow
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.running import Surroundings, ntm

PASSWORD = re.compile(r"\b[a-z2-9]{4}(?:-[a-z2-9]{4}){3}\b")


@pytest.fixture
def data(shared_around: Surroundings, tmp_path: Path) -> Path:
    """The directory through which the program finds the parts."""
    shared_around.as_running_system().write(tmp_path)
    return tmp_path


async def user(data: Path, *arguments: str, status: int = 0) -> str:
    """Run `ntm user`; return its output."""
    return await ntm("user", *arguments, "--data", str(data), status=status)


async def added(data: Path, name: str, *more: str) -> str:
    """Make an account; return its first password."""
    scope = more or ("--role", "unit", "--unit", "184")
    printed = await user(
        data, "add", name, "--full-name", "Nguyễn Thị Lan", "--agency", "Phòng LĐTBXH Văn Quan", *scope
    )
    found = PASSWORD.search(printed)
    assert found, printed
    return found[0]


async def account_of(around: Surroundings, name: str) -> AccountRow:
    return next(row for row in await list_accounts(around.engine) if row.name == name)


async def sign_in_somewhere(around: Surroundings, name: str) -> None:
    row = {"token_hash": f"of-{name}", "account": name, "began_at": utc_now(), "used_at": utc_now()}
    async with around.engine.begin() as connection:
        await connection.execute(insert(table_of(SessionRow)), row)


async def sessions_of(around: Surroundings, name: str) -> int:
    sessions = table_of(SessionRow)
    async with around.engine.connect() as connection:
        rows = await connection.execute(select(sessions.c.token_hash).where(sessions.c.account == name))
        return len(rows.all())


async def test_an_account_is_made_with_a_first_password_that_is_printed_once(
    shared_around: Surroundings, data: Path
) -> None:
    password = await added(data, " Lan.VanQuan ")
    account = await account_of(shared_around, "lan.vanquan")
    assert (account.full_name, account.agency, account.agency_name) == (
        "Nguyễn Thị Lan", "phong-ldtbxh-van-quan", "Phòng LĐTBXH Văn Quan",
    )  # fmt: skip
    assert (account.role, account.units, account.criteria) == ("unit", ["184"], ["*"])
    assert is_password(password, account.password_hash)
    assert account.state(utc_now()) == "first sign-in"
    assert account.state(utc_now() + timedelta(days=8)) == "first password expired"
    listed = await user(data, "list")
    assert "lan.vanquan" in listed
    assert password not in listed
    assert "argon2" not in listed


async def test_a_name_is_taken_once_however_it_is_written(shared_around: Surroundings, data: Path) -> None:
    await added(data, "hạnh")
    arguments = ("--full-name", "Hạnh", "--agency", "A", "--role", "viewer", "--unit", "20")
    assert "hạnh" in await user(data, "add", "HẠNH", *arguments, status=1)  # decomposed, in capitals


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("two words", ("--role", "viewer", "--unit", "20")),
        ("nguoi:1", ("--role", "viewer", "--unit", "20")),
        ("nobody", ("--role", "king", "--unit", "20")),
        ("nobody", ("--role", "unit")),
        ("nobody", ("--role", "unit", "--unit", "999")),
        ("nobody", ("--role", "commune", "--unit", "184")),
        ("nobody", ("--role", "sector", "--unit", "20")),
        ("nobody", ("--role", "coordinator", "--unit", "184")),
        ("nobody", ("--role", "administrator", "--criteria", "ntm-11")),
    ],
)
async def test_accounts_that_fit_no_role_are_refused(
    shared_around: Surroundings, data: Path, name: str, scope: tuple[str, ...]
) -> None:
    await user(data, "add", name, "--full-name", "Người", "--agency", "Cơ quan", *scope, status=2)
    assert all(row.name != name for row in await list_accounts(shared_around.engine))


@pytest.mark.parametrize(
    ("name", "scope", "kept"),
    [
        ("xa", ("--role", "commune", "--unit", "06280"), (["06280"], ["*"])),
        ("nganh", ("--role", "sector", "--unit", "20", "--criteria", "ntm-11,ntm-12"), (["20"], ["ntm-11", "ntm-12"])),
        ("vpdp", ("--role", "coordinator"), (["20"], ["*"])),
        ("quantri", ("--role", "administrator"), (["20"], ["*"])),
    ],
)
async def test_each_role_has_its_scope(
    shared_around: Surroundings, data: Path, name: str, scope: tuple[str, ...], kept: tuple[list[str], list[str]]
) -> None:
    await added(data, name, *scope)
    account = await account_of(shared_around, name)
    assert (account.units, account.criteria) == kept


async def test_a_reset_gives_a_new_password_ends_sessions_and_a_lock_and_opens_a_disabled_account(
    shared_around: Surroundings, data: Path
) -> None:
    old = await added(data, "reset.me")
    await sign_in_somewhere(shared_around, "reset.me")
    await user(data, "disable", "reset.me")
    assert (await account_of(shared_around, "reset.me")).state(utc_now()) == "disabled"
    assert await sessions_of(shared_around, "reset.me") == 0
    found = PASSWORD.search(await user(data, "reset", "Reset.Me"))
    assert found
    account = await account_of(shared_around, "reset.me")
    assert account.state(utc_now()) == "first sign-in"
    assert is_password(found[0], account.password_hash)
    assert not is_password(old, account.password_hash)


async def test_an_unknown_account_is_named(shared_around: Surroundings, data: Path) -> None:
    assert "nobody.here" in await user(data, "reset", "nobody.here", status=1)
    assert "nobody.here" in await user(data, "disable", "nobody.here", status=1)


async def test_an_account_at_the_issuer_has_no_password_until_it_is_given_one(
    shared_around: Surroundings, data: Path
) -> None:
    scope = ("--role", "unit", "--unit", "184", "--full-name", "Nguyễn Thị Lan", "--agency", "Phòng")
    printed = await user(data, "add", "lan@langson.example", *scope, "--at-issuer")
    assert "NTM_OIDC_ISSUER" in printed
    assert not PASSWORD.search(printed)
    account = await account_of(shared_around, "lan@langson.example")
    assert (account.password_hash, account.state(utc_now())) == (None, "active")
    reset = PASSWORD.search(await user(data, "reset", "lan@langson.example"))
    assert reset
    assert is_password(reset[0], (await account_of(shared_around, "lan@langson.example")).password_hash)
