"""`ntm routes explain`: who would hear of an event, and by which branch of the plan's routing tree."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from deploy.local.clients import http
from services.cli.answers import get
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, key_of, system_of

app = typer.Typer(help="Ai được báo điều gì. / Who hears of what.")


@app.callback()
def _group() -> None:
    """Keep `explain` a command of its own."""


@app.command()
def explain(
    event: Annotated[str, typer.Argument(help="Such as fell_behind, missed, problem_reported, gateway_down.")],
    unit: Annotated[str, typer.Argument(help="The unit that it concerns, such as 06280.")],
    on: Annotated[str, typer.Option(help="status, target, problem or operation.")] = "status",
    criterion: Annotated[str | None, typer.Option(help="Such as ntm-11.")] = None,
    commitment: Annotated[str | None, typer.Option(help="A commitment's id, with --on target.")] = None,
    kind: Annotated[str | None, typer.Option(help="What a difficulty is about, with --on problem.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print who would hear of an event and by which branch, and the branches that do not take it."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            found = await get(
                client,
                f"{system_of(data).notify_url}/v1/routes:explain",
                event=event,
                unit=unit,
                on=on,
                criterion=criterion,
                commitment=commitment,
                kind=kind,
            )
        for branch in found["branches"]:
            console.print(_branch(branch))
        console.print(_table(found["hears"]))

    run(work())


def _branch(branch: dict[str, Any]) -> Text:
    mark = "●" if branch["tells"] else "○" if branch["takes"] else "·"
    return Text(f"{'  ' * branch['depth']}{mark} {branch['id']}", style="bold" if branch["tells"] else "dim")


def _table(hears: list[dict[str, Any]]) -> Table:
    table = Table("nhánh / branch", "nơi nhận / recipient", "kênh / channel", "địa chỉ / address", "")
    for one in hears:
        reason = f"{one['reason']['vi']} / {one['reason']['en']}" if one["reason"] else ""
        table.add_row(
            one["branch"], f"{one['recipient']} {one['name']}".strip(), one["channel"], one["address"], reason
        )
    return table
