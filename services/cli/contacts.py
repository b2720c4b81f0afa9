"""`ntm contacts`: import the contacts of a file, list them, and list the roles without contact."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from deploy.local.clients import http
from services.cli.answers import get, problem_text
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code
from shared.reference.load import load_contacts
from shared.reference.models import Contact

app = typer.Typer(help="Danh bạ nơi nhận. / The contacts who get notices.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Excel, CSV or YAML.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the contacts that the file lacks.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Import the contacts of a file: all of them, or none where any is faulty."""

    async def work() -> None:
        document = None
        if file.suffix.lower() in {".yaml", ".yml"}:
            document = {"contacts": [contact.model_dump(mode="json") for contact in load_contacts(file)]}
        content = None if document else file.read_bytes()
        parameters = {"dry_run": check, "replace": replace}
        async with http(key_of(data, key)) as client:
            try:
                url = f"{system_of(data).notify_url}/v1/contacts/import"
                answer = await client.post(url, params=parameters, content=content, json=document)
            except httpx.HTTPError as error:
                raise fail(str(error) or type(error).__name__) from None
        if answer.is_error:
            raise fail(problem_text(answer))
        done = answer.json()
        console.print(
            f"thêm / added {done['added']}, sửa / changed {done['changed']}, "
            f"giữ nguyên / unchanged {done['unchanged']}, xóa / removed {done['removed']}"
            f"{' · --check' if done['dry_run'] else ''}"
        )
        for remark in done.get("remarks", ()):
            place = " ".join(filter(None, (remark["sheet"], remark["cell"]))) or remark["pointer"]
            console.print(f"{place}: {remark['detail']['vi']}\n[dim]{remark['detail']['en']}")

    run(work())


@app.command("gaps")
def list_gaps(data: Data = DATA, key: Key = None) -> None:
    """Print the roles that the plan tells and that no contact can be reached for; exit status 1 where there are any."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            answer = await get(client, f"{system_of(data).notify_url}/v1/contacts/gaps")
        gaps, ended = answer["items"], answer["ended"]
        table = Table("nơi nhận / recipient", "kênh / channel", "vì sao / why", "nhánh / branches")
        for gap in gaps:
            table.add_row(
                f"{gap['name']['vi']} ({gap['recipient']})",
                gap["channel"],
                f"{gap['reason']['vi']}\n[dim]{gap['reason']['en']}",
                ", ".join(gap["branches"]),
            )
        if gaps:
            console.print(table)
        for contact in ended:
            console.print(f"{contact['words']['vi']}\n[dim]{contact['words']['en']}")
        if any(contact["may_move"] for contact in ended):
            console.print("→ ntm contacts move")
        for contact in answer["not_handed_over"]:
            console.print(f"{contact['words']['vi']}\n[dim]{contact['words']['en']}")
        if gaps or ended or answer["not_handed_over"]:
            raise typer.Exit(1)
        console.print("Vai trò nào cũng có đầu mối. / Every role has a contact.", style="green")

    run(work())


@app.command("move")
def move_contacts(data: Data = DATA, key: Key = None) -> None:
    """Give the contacts whose role has ended the role that has its work now, where their unit has that role."""

    async def work() -> None:
        url = f"{system_of(data).notify_url}/v1/contacts"
        async with http(key_of(data, key)) as client:
            ended = {contact["contact"]: contact for contact in (await get(client, f"{url}/gaps"))["ended"]}
            moving = [
                (contact, ended[contact["id"]])
                for contact in (await get(client, url))["items"]
                if contact["id"] in ended and ended[contact["id"]]["may_move"]
            ]
            for contact, of_role in moving:
                kept = {name: contact[name] for name in Contact.model_fields if name in contact}
                answer = await client.put(f"{url}/{contact['id']}", json=kept | {"role": of_role["passes_to"]})
                if answer.is_error:
                    raise fail(problem_text(answer))
                console.print(f"{contact['name']}: {contact['role']}@{contact['unit']} → {of_role['passes_to']}")
        console.print(f"đã chuyển / moved {len(moving)}, để nguyên / left {len(ended) - len(moving)}")

    run(work())


@app.command("list")
def list_contacts(
    unit: Under = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print the contacts and their addresses."""
    code = unit_code(data, unit, is_area=True)

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            contacts = (await get(client, f"{system_of(data).notify_url}/v1/contacts", unit=code))["items"]
        table = Table(
            "vai trò / role",
            "tên / name",
            "e-mail",
            "điện thoại / phone",
            "tổng hợp / digest",
            "hỏng / refused",
            "nghỉ / leave",
        )
        for contact in contacts:
            table.add_row(
                f"{contact['role']}@{contact['unit']}",
                contact["name"],
                "\n".join(contact["emails"]),
                "\n".join(contact["phones"]),
                contact["digest"],
                "\n".join(contact["ended"]),
                contact["leave"]["words"]["vi"] if contact["leave"] else "",
            )
        console.print(table)

    run(work())


class AskedBy(StrEnum):
    """The person who asks about personal data: that of the data, one in its place, or an authority."""

    PERSON = "person"
    REPRESENTATIVE = "representative"
    AUTHORITY = "authority"


Person = Annotated[str, typer.Argument(help="The contact's name, or its id where several have that name.")]
AskedOn = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which the request came.")]
By = Annotated[AskedBy, typer.Option(help="Who asks.")]
Filed = Annotated[str | None, typer.Option(help="The number under which the request is filed; no name.")]


@app.command("export-personal")
def export_personal(
    person: Person,
    asked_on: AskedOn,
    asked_by: By = AskedBy.PERSON,
    reference: Filed = None,
    out: Annotated[Path | None, typer.Option(help="The new file (JSON), instead of the screen.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Hand over all that is kept of a contact, as it asked (Law 91/2025/QH15); the log notes it."""
    done = _carry_out(person, "export", asked_on.date(), asked_by, reference, data, key)
    text = json.dumps(done["data"], ensure_ascii=False, indent=2)
    if out is None:
        typer.echo(text)
        return
    with out.open("x", encoding="utf-8") as file:
        out.chmod(0o600)
        file.write(text + "\n")
    _print_remains(done)


@app.command("erase")
def erase(
    person: Person,
    asked_on: AskedOn,
    asked_by: By = AskedBy.PERSON,
    reference: Filed = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking again.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Erase a contact and all that is kept of it, as it asked (Law 91/2025/QH15); the log notes it."""
    if not yes:
        typer.confirm(f"Xóa hẳn, không khôi phục được? / Erase for good: {person}?", abort=True)
    done = _carry_out(person, "erasure", asked_on.date(), asked_by, reference, data, key)
    entry = done["entry"]
    console.print(
        f"đã xóa / erased: {entry['notices']} thông báo / notices, {entry['answers']} thư trả lời / answers",
        style="green",
    )
    _print_remains(done)


class PersonalKind(StrEnum):
    """The right that a person claims: to have its own data handed over, or erased."""

    EXPORT = "export"
    ERASURE = "erasure"


@app.command("file-personal")
def file_personal(
    person: Person,
    kind: Annotated[PersonalKind, typer.Argument(help="What the person asks for.")],
    asked_on: AskedOn,
    asked_by: By = AskedBy.PERSON,
    reference: Filed = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """File a contact's request, to be carried out later; operators are reminded, as by `ntm doctor`, once it is due."""
    path = "personal-data-requests"
    entry = _carry_out(person, kind.value, asked_on.date(), asked_by, reference, data, key, path)
    console.print(
        f"đã ghi sổ; hạn trả lời / filed; answer by {entry['answer_by']}, hạn thực hiện / carry out by "
        f"{entry['carry_out_by']}",
        style="green",
    )


@app.command("personal-requests")
def list_requests(data: Data = DATA, key: Key = None) -> None:
    """Print the log of requests about personal data; it names nobody."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            items = (await get(client, f"{system_of(data).notify_url}/v1/personal-data-requests"))["items"]
        table = Table(
            "loại / kind", "vai trò / role", "hồ sơ / filed", "đến / came", "hạn / due", "xong / done", "bởi / by"
        )
        for one in items:
            due = f"{one['answer_by']} · {one['carry_out_by']}"
            role, filed = f"{one['role']}@{one['unit']}", one["reference"] or ""
            done = one["done_at"][:10] if one["done_at"] else "chờ / waits"
            table.add_row(one["kind"], role, filed, one["asked_on"], due, done, one["done_by"] or "")
        console.print(table)

    run(work())


def _carry_out(
    person: str,
    kind: str,
    asked_on: date,
    asked_by: AskedBy,
    reference: str | None,
    data: Path,
    key: str | None,
    path: str = "personal-data",
) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        url = f"{system_of(data).notify_url}/v1/contacts"
        async with http(key_of(data, key)) as client:
            contacts = (await get(client, url))["items"]
            found = [one for one in contacts if person in (one["id"], one["name"])]
            if len(found) != 1:
                named = "\n".join(f"{one['id']}  {one['role']}@{one['unit']}" for one in found)
                raise fail(named or f"không có đầu mối này / no such contact: {person}")
            request = {"kind": kind, "asked_on": str(asked_on), "asked_by": asked_by, "reference": reference}
            answer = await client.post(f"{url}/{found[0]['id']}/{path}", json=request)
        if answer.is_error:
            raise fail(problem_text(answer))
        done: dict[str, Any] = answer.json()
        return done

    return run(work())


def _print_remains(done: dict[str, Any]) -> None:
    for words in done["remains"]:
        console.print(f"- {words['vi']}\n  [dim]{words['en']}", highlight=False)
