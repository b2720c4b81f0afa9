"""`ntm watch`: changes of status as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import TypeAdapter
from rich.text import Text

from deploy.local.clients import broker
from services.cli.console import console, run
from services.cli.options import DATA, Data, system_of
from services.cli.status import STATUS_STYLES
from shared.contracts import subjects
from shared.contracts.verdict_change import AnyChange, TargetChanged
from shared.nats.stream_reader import read_stream


def watch(
    everything: Annotated[bool, typer.Option("--all", help="Begin with the newest change of each status.")] = False,
    data: Data = DATA,
) -> None:
    """Print changes of status as they arrive from NATS, until Ctrl-C."""

    async def work() -> None:
        async with broker(system_of(data)) as nats:
            watched = (subjects.ALL_STATUSES, subjects.ALL_TARGETS)
            if everything:
                for message in await _newest(nats, watched):
                    await _print_change(message)
            for subject in watched:
                await nats.subscribe(subject, cb=_print_change)
            console.print(f"… {', '.join(watched)} (Ctrl-C)", style="dim")
            await asyncio.Event().wait()

    run(work())


async def _newest(nats: Client, watched: Sequence[str]) -> list[Msg]:
    """Return the newest change of each status, in the order in which they came."""
    newest: dict[str, Msg] = {}
    for family in watched:
        async for batch in read_stream(nats, subjects.STATUS_STREAM, family):
            newest.update((message.subject, message) for message in batch)
    return sorted(newest.values(), key=lambda message: message.metadata.sequence.stream)


async def _print_change(message: Msg) -> None:
    change = TypeAdapter(AnyChange).validate_json(message.data)
    topic = change.commitment.id if isinstance(change, TargetChanged) else change.criterion.key
    line = Text(f"{change.on} {change.unit.code} {change.unit.name:<24} {topic:<24} ")
    line.append(f"{change.event:<15}", style=STATUS_STYLES[change.after])
    console.print(line, Text(change.assessment.reason.vi, style="dim"))
