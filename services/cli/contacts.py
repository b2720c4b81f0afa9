"""`ntm contacts`: who is told, imported from a file and listed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from deploy.local.clients import http
from services.cli.answers import get, problem_text
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, Key, key_of, system_of
from shared.reference.load import load_contacts

app = typer.Typer(help="Danh bạ nơi nhận. / Who is told.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Excel, CSV or YAML.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the contacts that the file lacks.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Take the contacts of a file: all of them, or none where one is faulty."""

    async def work() -> None:
        sent: dict[str, Any] = {"content": file.read_bytes()}
        if file.suffix.lower() in {".yaml", ".yml"}:
            sent = {"json": {"contacts": [contact.model_dump(mode="json") for contact in load_contacts(file)]}}
        parameters = {"dry_run": check, "replace": replace}
        async with http(key_of(data, key)) as client:
            try:
                url = f"{system_of(data).notify_url}/v1/contacts/import"
                answer = await client.post(url, params=parameters, **sent)
            except httpx.HTTPError as error:
                raise fail(str(error) or type(error).__name__) from None
        if answer.is_error:
            raise fail(problem_text(answer))
        found = answer.json()
        console.print(
            f"thêm {found['added']}, sửa {found['changed']}, giữ nguyên {found['unchanged']}, xóa {found['removed']} "
            f"(added, changed, unchanged, removed){' · --check' if found['dry_run'] else ''}"
        )

    run(work())


@app.command("gaps")
def list_gaps(data: Data = DATA, key: Key = None) -> None:
    """Print the roles that the plan tells and that nobody answers for; status 1 where there are any."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            found = await get(client, f"{system_of(data).notify_url}/v1/contacts/gaps")
        table = Table("nơi nhận / recipient", "kênh / channel", "vì sao / why", "nhánh / branches")
        for one in found["items"]:
            table.add_row(
                f"{one['name']['vi']} ({one['recipient']})",
                one["channel"],
                f"{one['reason']['vi']}\n[dim]{one['reason']['en']}",
                ", ".join(one["branches"]),
            )
        console.print(table)
        if found["items"]:
            raise typer.Exit(1)

    run(work())


@app.command("list")
def list_contacts(
    unit: Annotated[str | None, typer.Option(help="Only of this unit and those below it.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print who is told, and how."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            found = await get(client, f"{system_of(data).notify_url}/v1/contacts", unit=unit)
        table = Table(
            "vai trò / role", "tên / name", "e-mail", "điện thoại / phone", "tổng hợp / digest", "hỏng / refused"
        )
        for one in found["items"]:
            table.add_row(
                f"{one['role']}@{one['unit']}",
                one["name"],
                "\n".join(one["emails"]),
                "\n".join(one["phones"]),
                one["digest"],
                "\n".join(one["ended"]),
            )
        console.print(table)

    run(work())
