"""`ntm parked`: the messages that a service could not process, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from nats.aio.client import Client
from nats.errors import NoRespondersError
from rich.table import Table
from rich.text import Text

from deploy.local.clients import broker, database
from deploy.local.running_system import RunningSystem
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.intake.storage import tables as intake
from services.notify.storage import tables as notify
from services.scoring.storage import tables as scoring
from shared.contracts import subjects
from shared.contracts.parked_message import Replayed, ReplayRequest
from shared.service.parking import ParkedMessage, ParkingPlace
from shared.time import VIETNAM

app = typer.Typer(help="Các tin nhắn không xử lý được. / Messages that a service could not process.")


class Service(StrEnum):
    """Who parks messages."""

    INTAKE = "intake"
    SCORING = "scoring"
    NOTIFY = "notify"


type Places = Mapping[Service, ParkingPlace]

Named = Annotated[Service, typer.Argument(help="The service that parked it.")]
Number = Annotated[int, typer.Argument(min=1, help="Its number, as the list shows it.")]

_PATIENCE_SECONDS = 60


@app.callback(invoke_without_command=True)
def list_parked(
    context: typer.Context,
    service: Annotated[Service | None, typer.Option(help="Only what this service parked.")] = None,
    settled: Annotated[bool, typer.Option("--all", help="Also what was replayed or dropped since.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    data: Data = DATA,
) -> None:
    """List what is parked, with the reasons; the messages themselves are shown by `show` only."""
    if context.invoked_subcommand:
        return

    async def work() -> dict[Service, list[dict[str, Any]]]:
        async with _places(system_of(data)) as places:
            return {
                one: [_summary(row) for row in await place.listed(settled=settled)]
                for one, place in places.items()
                if service in (None, one)
            }

    found = [{"service": one.value, **row} for one, rows in run(work()).items() for row in rows]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    elif found:
        console.print(_table(found))
    else:
        console.print("Không có tin nhắn nào. / Nothing is parked.", style="green")


@app.command()
def show(service: Named, number: Number, data: Data = DATA) -> None:
    """Print a message whole: why it is parked, its headers and its body, figures and all."""

    async def work() -> ParkedMessage | None:
        async with _places(system_of(data)) as places:
            return await places[service].find(number)

    row = run(work())
    if row is None:
        raise _unknown(service, number)
    for name, value in _summary(row).items():
        if value is not None:
            console.print(f"{name}: {value}", highlight=False, markup=False, soft_wrap=True)
    for part in ("", *(f"{name}: {value}" for name, value in row.headers.items()), "", row.body):
        console.print(part, highlight=False, markup=False, soft_wrap=True)


@app.command()
def replay(
    service: Annotated[Service | None, typer.Argument(help="The service that parked them.")] = None,
    numbers: Annotated[list[int] | None, typer.Argument(min=1, help="Their numbers, as the list shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that is parked, of the service or of every one.")] = False,
    data: Data = DATA,
) -> None:
    """Have messages processed again, by the service that parked them. Exit status 1 if one of them still cannot be."""
    if bool(numbers) == every:
        raise fail("Name a service and numbers, or say --all.", 2)

    async def work() -> bool:
        system, well = system_of(data), True
        async with _places(system) as places, broker(system) as nats:
            for one, place in places.items():
                if service in (None, one):
                    for number in numbers or [row.number for row in await place.listed()]:
                        well &= await _replay(nats, one, number)
        return well

    if not run(work()):
        raise typer.Exit(1)


@app.command()
def drop(
    service: Named,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why nobody needs it; kept with the message.")],
    by: Annotated[str, typer.Option(envvar="USER", help="Who says so.")],
    data: Data = DATA,
) -> None:
    """Give a message up. It stays on record, with who dropped it, when and why; `--all` lists it."""
    if not reason.strip() or not by.strip():
        raise fail("Say why it is dropped (--reason), and who says so (--by).", 2)

    async def work() -> str | None:
        async with _places(system_of(data)) as places:
            return await places[service].drop(number, reason, by)

    match run(work()):
        case None:
            raise _unknown(service, number)
        case "parked":
            console.print(f"{service} {number}: dropped", highlight=False)
        case state:
            raise fail(f"{service} {number} was {state} before.")


@asynccontextmanager
async def _places(system: RunningSystem) -> AsyncIterator[Places]:
    async with database(system) as engine:
        yield {
            Service.INTAKE: ParkingPlace(engine, intake.ParkedRow),
            Service.SCORING: ParkingPlace(engine, scoring.ParkedRow, scoring.OutboxRow),
            Service.NOTIFY: ParkingPlace(engine, notify.ParkedRow, notify.OutboxRow),
        }


async def _replay(nats: Client, service: Service, number: int) -> bool:
    """Ask the service, and print what became of the message; whether it is processed."""
    request = ReplayRequest(number=number).model_dump_json().encode()
    try:
        answer = await nats.request(subjects.replay(service), request, timeout=_PATIENCE_SECONDS)
    except NoRespondersError:
        raise fail(f"{service} does not run: nobody answers on {subjects.replay(service)}.") from None
    except TimeoutError:
        raise fail(f"{service} {number}: no answer in {_PATIENCE_SECONDS} s. Asking again is safe.") from None
    found = Replayed.model_validate_json(answer.data)
    said = f"{service} {number}: {found.outcome}" + (f": {found.reason}" if found.reason else "")
    if found.outcome == "replayed":
        console.print(said, style="green", highlight=False, markup=False)
    else:
        errors.print(said, style="red", highlight=False, markup=False)
    return found.outcome == "replayed"


def _summary(row: ParkedMessage) -> dict[str, Any]:
    """What may be listed: everything but the message itself."""
    return {
        "number": row.number,
        "parked_at": row.parked_at,
        "stream": row.stream,
        "sequence": row.sequence,
        "subject": row.subject,
        "reason": row.reason,
        "state": row.state,
        "settled_at": row.settled_at,
        "dropped_by": row.dropped_by,
        "drop_reason": row.drop_reason,
    }


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("service", "number", "parked", "stream", "sequence", "subject", "reason", "since then")
    for one in found:
        table.add_row(
            one["service"],
            str(one["number"]),
            _moment(one["parked_at"]),
            one["stream"],
            str(one["sequence"]),
            Text(one["subject"]),
            Text(one["reason"]),
            Text(_since(one)),
        )
    return table


def _since(one: dict[str, Any]) -> str:
    if one["state"] == "parked":
        return ""
    by = f" by {one['dropped_by']}: {one['drop_reason']}" if one["state"] == "dropped" else ""
    return f"{one['state']} {_moment(one['settled_at'])}{by}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y-%m-%d %H:%M}"


def _unknown(service: Service, number: int) -> typer.Exit:
    return fail(f"{service} has no parked message {number}.")
