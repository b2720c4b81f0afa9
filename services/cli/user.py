"""`ntm user`: the people who sign in to the pages."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from deploy.local.clients import database
from services.cli.agency import agency_id, check_scope, moment, split, units_of
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.running_reference import plans_of
from services.cli.texts import phrase
from shared.access.accounts import (
    ONE_TIME_DAYS,
    AccountExistsError,
    AccountRow,
    Person,
    UnknownAccountError,
    account_name,
    add_account,
    add_account_at_issuer,
    disable_account,
    list_accounts,
    reset_password,
)
from shared.access.caller import EVERYTHING, Role
from shared.access.roles import OF_THE_PROVINCE, scope_fault
from shared.texts import filled
from shared.time import utc_now

app = typer.Typer(no_args_is_help=True, help="Tài khoản của người dùng. / The people who sign in to the pages.")

Name = Annotated[str, typer.Argument(help="The name that the person signs in by, such as lan.vanquan.")]


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person does here.")],
    full_name: Annotated[str, typer.Option(help="The person's name, such as 'Nguyễn Thị Lan'.")],
    agency: Annotated[str, typer.Option(help="The person's office, such as 'Phòng LĐTBXH Văn Quan'.")],
    unit: Annotated[
        str | None,
        typer.Option(help="The person's units, by codes or names, with all below them; by default the province."),
    ] = None,
    criteria: Annotated[str, typer.Option(help="The person's criteria: ntm-11,ntm-12.")] = EVERYTHING,
    at_issuer: Annotated[
        bool, typer.Option("--at-issuer", help="The person signs in at the issuer, which knows the person by NAME.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Make an account, and print its first password once. The person has to change it at the first sign-in."""
    reference = run(plans_of(system_of(data))).references[-1]
    if unit is None and role not in OF_THE_PROVINCE:
        raise fail(phrase("user.unit_needed").in_both, 2)
    units, keys = units_of(unit, reference) if unit else [reference.plan.unit], split(criteria)
    check_scope(units, keys, reference)
    if fault := scope_fault(role, units, keys, reference):
        raise fail(fault.in_both, 2)
    sign_in, shown = _sign_in_name(name), " ".join(full_name.split())
    if not shown:
        raise fail(phrase("user.full_name_needed").in_both, 2)
    person = Person(sign_in, shown, agency_id(agency), agency, role, tuple(units), tuple(keys))

    async def work() -> str | None:
        async with database(system_of(data)) as engine:
            return await (add_account_at_issuer if at_issuer else add_account)(engine, person)

    try:
        password = run(work())
    except AccountExistsError:
        raise fail(filled(phrase("user.exists"), name=sign_in).in_both) from None
    console.print(
        f"{sign_in}: {shown}, {agency}; {role}; {', '.join(units)}; {', '.join(keys)}", highlight=False, markup=False
    )
    if password:
        _show(password)
    else:
        console.print(phrase("user.at_issuer").in_both, style="dim", markup=False)


@app.command("reset")
def reset(name: Name, data: Data = DATA) -> None:
    """Print a new first password of an account, once; sessions and a lock end, a disabled account is open again."""

    async def work() -> str:
        async with database(system_of(data)) as engine:
            return await reset_password(engine, _sign_in_name(name))

    _show(_of_known(name, work()))


@app.command("disable")
def disable(name: Name, data: Data = DATA) -> None:
    """Close an account: its sessions end within a second, and nobody signs in to it until `ntm user reset`."""

    async def work() -> None:
        async with database(system_of(data)) as engine:
            await disable_account(engine, _sign_in_name(name))

    _of_known(name, work())
    console.print(filled(phrase("user.disabled"), name=name).in_both, highlight=False, markup=False)


@app.command("list")
def list_users(data: Data = DATA) -> None:
    """Print all accounts, with role, scope, last sign-in and state."""

    async def work() -> Sequence[AccountRow]:
        async with database(system_of(data)) as engine:
            return await list_accounts(engine)

    table, now = Table(), utc_now()
    for column in (
        "tên đăng nhập\nname",
        "họ tên\nperson",
        "cơ quan\nagency",
        "vai trò\nrole",
        "địa bàn\nunits",
        "tiêu chí\ncriteria",
        "đăng nhập gần nhất\nlast sign-in",
    ):
        table.add_column(column, overflow="fold")
    table.add_column("trạng thái\nstate", no_wrap=True)
    for row in run(work()):
        scope = ", ".join(row.units), ", ".join(row.criteria)
        table.add_row(
            row.name, row.full_name, row.agency_name, row.role, *scope, moment(row.last_sign_in_at), row.state(now)
        )
    console.print(table)


def _of_known[T](name: str, work: Coroutine[Any, Any, T]) -> T:
    try:
        return run(work)
    except UnknownAccountError:
        raise fail(filled(phrase("user.unknown"), name=name).in_both) from None


def _sign_in_name(text: str) -> str:
    try:
        return account_name(text)
    except ValueError:
        raise fail(filled(phrase("user.bad_name"), name=text).in_both, 2) from None


def _show(password: str) -> None:
    console.print(password, style="bold", highlight=False, soft_wrap=True)
    console.print(filled(phrase("user.shown_once"), days=ONE_TIME_DAYS).in_both, style="dim", markup=False)
