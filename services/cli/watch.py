"""`ntm watch`: changes of status as they arrive."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy
from pydantic import TypeAdapter
from rich.text import Text

from deploy.local.clients import broker
from services.cli.console import console, run
from services.cli.options import DATA, Data, system_of
from services.cli.status import STATUS_STYLES
from shared.contracts import subjects
from shared.contracts.verdict_change import AnyChange, TargetChanged


def watch(
    everything: Annotated[bool, typer.Option("--all", help="Begin with the newest change of each status.")] = False,
    data: Data = DATA,
) -> None:
    """Print changes of status as they arrive from NATS, until Ctrl-C."""

    async def work() -> None:
        async with broker(system_of(data)) as nats:
            policy = DeliverPolicy.LAST_PER_SUBJECT if everything else DeliverPolicy.NEW
            js = nats.jetstream()
            watched = (subjects.ALL_STATUSES, subjects.ALL_TARGETS)
            for subject in watched:
                await js.subscribe(subject, ordered_consumer=True, deliver_policy=policy, cb=_print_change)
            console.print(f"… {', '.join(watched)} (Ctrl-C)", style="dim")
            await asyncio.Event().wait()

    run(work())


async def _print_change(message: Msg) -> None:
    change = TypeAdapter(AnyChange).validate_json(message.data)
    topic = change.commitment.id if isinstance(change, TargetChanged) else change.criterion.key
    line = Text(f"{change.on} {change.unit.code} {change.unit.name:<24} {topic:<24} ")
    line.append(f"{change.event:<15}", style=STATUS_STYLES[change.after])
    console.print(line, Text(change.assessment.reason.vi, style="dim"))
