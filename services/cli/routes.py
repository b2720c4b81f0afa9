"""`ntm routes explain`: the recipients who would hear of an event, and the branches of the plan's routing tree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypedDict

import typer
from rich.table import Table
from rich.text import Text

from deploy.local.clients import http
from services.cli.answers import Words, get
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, key_of, system_of, unit_code

app = typer.Typer(help="Ai được báo điều gì. / The recipients who hear of an event.")


class _Branch(TypedDict):
    id: str
    depth: int
    takes: bool
    tells: bool
    because: Words | None


class _Hearer(TypedDict):
    branch: str
    recipient: str
    name: str
    channel: str
    address: str
    reason: Words | None


@app.callback()
def _group() -> None:
    """Keep `explain` a command of its own."""


@app.command()
def explain(
    event: Annotated[str, typer.Argument(help="Such as fell_behind, missed, problem_reported, gateway_down.")],
    unit: Annotated[str, typer.Argument(help="The unit that the event concerns, by code or name: 06280, 'Điềm He'.")],
    on: Annotated[str, typer.Option(help="Kind of the event: status, target, problem or operation.")] = "status",
    criterion: Annotated[str | None, typer.Option(help="Such as ntm-11.")] = None,
    commitment: Annotated[str | None, typer.Option(help="A commitment's id, with --on target.")] = None,
    kind: Annotated[str | None, typer.Option(help="A difficulty's kind, with --on problem.")] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The event's day, such as 2025-07-01; by default today."),
    ] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print the recipients who would hear of an event, with their branches, and the branches that do not take it."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            explained = await get(
                client,
                f"{system_of(data).notify_url}/v1/routes:explain",
                event=event,
                unit=unit_code(data, unit),
                on=on,
                criterion=criterion,
                commitment=commitment,
                kind=kind,
                day=day.date().isoformat() if day else None,
            )
        for branch in explained["branches"]:
            console.print(_branch(branch))
        console.print(_table(explained["hears"]))

    run(work())


def _branch(branch: _Branch) -> Text:
    mark = "●" if branch["tells"] else "○" if branch["takes"] else "·"
    why = branch["because"] if branch["tells"] else None
    reason = f": {why['vi']} / {why['en']}" if why else ""
    return Text(f"{'  ' * branch['depth']}{mark} {branch['id']}{reason}", style="bold" if branch["tells"] else "dim")


def _table(hearers: list[_Hearer]) -> Table:
    table = Table("nhánh / branch", "nơi nhận / recipient", "kênh / channel", "địa chỉ / address", "")
    for hearer in hearers:
        reason = f"{hearer['reason']['vi']} / {hearer['reason']['en']}" if hearer["reason"] else ""
        recipient = f"{hearer['recipient']} {hearer['name']}".strip()
        table.add_row(hearer["branch"], recipient, hearer["channel"], hearer["address"], reason)
    return table
