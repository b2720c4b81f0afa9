"""`ntm parked`: list, show, replay and drop the messages that a service could not process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated

import typer
from nats.aio.client import Client
from nats.errors import NoRespondersError
from rich.table import Table
from rich.text import Text

from deploy.local.clients import broker, database
from deploy.local.running_system import RunningSystem
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from services.intake.storage import tables as intake
from services.notify.storage import tables as notify
from services.scoring.storage import tables as scoring
from shared.contracts import subjects
from shared.contracts.parked_message import Replayed, ReplayRequest
from shared.service.parking import ParkedMessage, ParkingPlace
from shared.text import moment
from shared.texts import filled

app = typer.Typer(help="Các tin nhắn không xử lý được. / Messages that a service could not process.")


class Service(StrEnum):
    """A service that parks messages."""

    INTAKE = "intake"
    SCORING = "scoring"
    NOTIFY = "notify"


type Places = Mapping[Service, ParkingPlace]

Named = Annotated[Service, typer.Argument(help="The service that parked the message.")]
Number = Annotated[int, typer.Argument(min=1, help="The message's number, as the list shows it.")]

_PATIENCE_SECONDS = 60
_LISTED = (
    "number", "parked_at", "stream", "sequence", "subject", "reason", "state", "settled_at", "dropped_by",
    "drop_reason",
)  # fmt: skip
"""The fields of a parked message that lists print: all but the message itself."""


@app.callback(invoke_without_command=True)
def list_parked(
    context: typer.Context,
    service: Annotated[Service | None, typer.Option(help="Only messages that this service parked.")] = None,
    settled: Annotated[bool, typer.Option("--all", help="Also messages that were replayed or dropped since.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    data: Data = DATA,
) -> None:
    """List the parked messages with the reasons; `show` prints a message itself."""
    if context.invoked_subcommand:
        return

    async def work() -> list[tuple[Service, ParkedMessage]]:
        async with _places(system_of(data)) as places:
            return [
                (parker, row)
                for parker, place in places.items()
                if service in (None, parker)
                for row in await place.listed(settled=settled)
            ]

    rows = run(work())
    if as_json:
        items = [{"service": parker.value, **_summary(row)} for parker, row in rows]
        typer.echo(json.dumps(items, ensure_ascii=False, indent=2, default=str))
    elif rows:
        console.print(_table(rows))
    else:
        console.print("Không có tin nhắn nào. / Nothing is parked.", style="green")


@app.command()
def show(service: Named, number: Number, data: Data = DATA) -> None:
    """Print a whole message: the reason why it is parked, its headers, and its body with all figures."""

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
    service: Annotated[Service | None, typer.Argument(help="The service that parked the messages.")] = None,
    numbers: Annotated[
        list[int] | None, typer.Argument(min=1, help="The messages' numbers, as the list shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All parked messages, of the service or of all.")] = False,
    data: Data = DATA,
) -> None:
    """Let the services that parked messages process them again. Exit status 1 if a message still fails."""
    if bool(numbers) == every:
        raise fail(phrase("parked.name_some").in_both, 2)

    async def work() -> bool:
        system, well = system_of(data), True
        async with _places(system) as places, broker(system) as nats:
            for parker, place in places.items():
                if service in (None, parker):
                    for number in numbers or [row.number for row in await place.listed()]:
                        well &= await _replay(nats, parker, number)
        return well

    if not run(work()):
        raise typer.Exit(1)


@app.command()
def drop(
    service: Named,
    number: Number,
    reason: Annotated[str, typer.Option(help="The reason why nobody needs the message, kept with it.")],
    by: Annotated[str, typer.Option(envvar="USER", help="The person who drops it.")],
    data: Data = DATA,
) -> None:
    """Drop a message. It stays on record with the person, the time and the reason; `--all` lists it."""
    if not reason.strip() or not by.strip():
        raise fail(phrase("parked.say_why").in_both, 2)

    async def work() -> str | None:
        async with _places(system_of(data)) as places:
            return await places[service].drop(number, reason, by)

    match run(work()):
        case None:
            raise _unknown(service, number)
        case "parked":
            console.print(filled(phrase("parked.dropped"), service=service, number=number).in_both, highlight=False)
        case state:
            raise fail(filled(phrase("parked.settled"), service=service, number=number, state=state).in_both)


@asynccontextmanager
async def _places(system: RunningSystem) -> AsyncIterator[Places]:
    async with database(system) as engine:
        yield {
            Service.INTAKE: ParkingPlace(engine, intake.ParkedRow),
            Service.SCORING: ParkingPlace(engine, scoring.ParkedRow, scoring.OutboxRow),
            Service.NOTIFY: ParkingPlace(engine, notify.ParkedRow, notify.OutboxRow),
        }


async def _replay(nats: Client, service: Service, number: int) -> bool:
    """Ask the service to process the message again, print the outcome, and say whether it was processed."""
    request = ReplayRequest(number=number).model_dump_json().encode()
    try:
        answer = await nats.request(subjects.replay(service), request, timeout=_PATIENCE_SECONDS)
    except NoRespondersError:
        raise fail(
            filled(phrase("parked.no_service"), service=service, subject=subjects.replay(service)).in_both
        ) from None
    except TimeoutError:
        raise fail(
            filled(phrase("parked.no_answer"), service=service, number=number, seconds=_PATIENCE_SECONDS).in_both
        ) from None
    replayed = Replayed.model_validate_json(answer.data)
    line = f"{service} {number}: {replayed.outcome}" + (f": {replayed.reason}" if replayed.reason else "")
    if replayed.outcome == "replayed":
        console.print(line, style="green", highlight=False, markup=False)
    else:
        errors.print(line, style="red", highlight=False, markup=False)
    return replayed.outcome == "replayed"


def _summary(row: ParkedMessage) -> dict[str, object]:
    return {name: getattr(row, name) for name in _LISTED}


def _table(rows: Sequence[tuple[Service, ParkedMessage]]) -> Table:
    table = Table(
        "dịch vụ\nservice",
        "số\nnumber",
        "cất riêng lúc\nparked",
        "luồng\nstream",
        "thứ tự\nsequence",
        "chủ đề\nsubject",
        "lý do\nreason",
        "từ đó\nsince then",
    )
    for service, row in rows:
        table.add_row(
            service.value,
            str(row.number),
            moment(row.parked_at),
            row.stream,
            str(row.sequence),
            Text(row.subject),
            Text(row.reason),
            Text(_since(row)),
        )
    return table


def _since(row: ParkedMessage) -> str:
    if row.state == "parked" or row.settled_at is None:
        return ""
    by = f" by {row.dropped_by}: {row.drop_reason}" if row.state == "dropped" else ""
    return f"{row.state} {moment(row.settled_at)}{by}"


def _unknown(service: Service, number: int) -> typer.Exit:
    return fail(filled(phrase("parked.unknown"), service=service, number=number).in_both)
