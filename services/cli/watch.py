"""`ntm watch`: changes of status as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from pydantic import TypeAdapter, ValidationError
from rich.text import Text

from deploy.local.clients import broker, database
from services.cli.console import console, run
from services.cli.options import DATA, Data, system_of
from services.cli.status import STATUS_STYLES
from services.cli.texts import phrase
from shared.contracts import subjects
from shared.contracts.verdict_change import AnyChange, TargetChanged
from shared.nats.signing_keys import keys_of
from shared.nats.stream_reader import read_stream
from shared.service.proof import Proof
from shared.texts import filled
from shared.time import utc_now


def watch(
    everything: Annotated[bool, typer.Option("--all", help="Begin with the newest change of each status.")] = False,
    data: Data = DATA,
) -> None:
    """Print changes of status as they arrive from NATS, until Ctrl-C."""

    async def work() -> None:
        system = system_of(data)
        async with broker(system) as nats, database(system) as engine:
            proof = await Proof.of(engine, nats)

            async def came(message: Msg) -> None:
                _print(message, _fault(nats, message))

            watched = (subjects.ALL_STATUSES, subjects.ALL_TARGETS)
            if everything:
                for message in await _newest(nats, watched, proof):
                    _print(message, proof.fault(message))
            for subject in watched:
                await nats.subscribe(subject, cb=came)
            console.print(f"… {', '.join(watched)} (Ctrl-C)", style="dim")
            await asyncio.Event().wait()

    run(work())


async def _newest(nats: Client, watched: Sequence[str], proof: Proof) -> list[Msg]:
    """Return the newest proved change of each status, and all that are not proved, in the order in which they came."""
    newest: dict[str, Msg] = {}
    unproved: list[Msg] = []
    for family in watched:
        async for batch in read_stream(nats, subjects.STATUS_STREAM, family):
            proved, found = proof.split(batch)
            newest.update((message.subject, message) for message in proved)
            unproved += [message for message, _ in found]
    return sorted([*newest.values(), *unproved], key=lambda message: message.metadata.sequence.stream)


def _fault(nats: Client, message: Msg) -> str | None:
    """Return why a change that just came is not proved; None where it is, or where the system has no keys."""
    just_came = RawStreamMsg(subject=message.subject, data=message.data, headers=message.headers, time=utc_now())
    return Proof(keys_of(nats), {}).fault_of_kept(subjects.STATUS_STREAM, just_came)


def _print(message: Msg, fault: str | None) -> None:
    """Print a change. One that nobody has proved, or that cannot be read, is named as such, without what it says."""
    if fault is not None:
        words = filled(phrase("watch.not_proved"), subject=message.subject, reason=fault)
        console.print(words.in_both, style="red", highlight=False, markup=False)
        return
    try:
        _print_change(message)
    except ValidationError:
        words = filled(phrase("watch.unreadable"), subject=message.subject)
        console.print(words.in_both, style="red", highlight=False, markup=False)


def _print_change(message: Msg) -> None:
    change = TypeAdapter(AnyChange).validate_json(message.data)
    topic = change.commitment.id if isinstance(change, TargetChanged) else change.criterion.key
    line = Text(f"{change.on} {change.unit.code} {change.unit.name:<24} {topic:<24} ")
    line.append(f"{change.event:<15}", style=STATUS_STYLES[change.after])
    console.print(line, Text(change.assessment.reason.vi, style="dim"))
