"""`ntm operations`: the troubles of the system that are open now."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from deploy.local.clients import broker
from services.cli.console import console, errors, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from shared.contracts import subjects
from shared.contracts.trouble import TroubleReported
from shared.readable import RowsRead, read_rows
from shared.text import moment
from shared.texts import filled


def operations(
    every: Annotated[bool, typer.Option("--all", help="Also troubles that are over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    data: Data = DATA,
) -> None:
    """Print the troubles of the system that are open now, since when, and what to do."""

    async def work() -> RowsRead[RawStreamMsg, TroubleReported]:
        async with broker(system_of(data)) as nats:
            return await last_reports(nats.jetstream())

    read = run(work())
    for message in read.damaged:
        words = filled(phrase("operations.unreadable"), subject=message.subject).in_both
        errors.print(words, style="yellow", highlight=False, markup=False)
    reports = [reported for reported in read.items if every or reported.state == "raised"]
    if as_json:
        items = [reported.model_dump(mode="json") for reported in reports]
        typer.echo(json.dumps(items, ensure_ascii=False, indent=2))
    elif not reports:
        console.print("Không có sự cố nào. / Nothing is wrong.", style="green")
    else:
        for reported in reports:
            _print(reported)


async def last_reports(js: JetStreamContext) -> RowsRead[RawStreamMsg, TroubleReported]:
    """Return the last report of each service about each kind of trouble, and the messages that cannot be read."""
    info = await js.stream_info(subjects.OPERATIONS_STREAM, subjects_filter=subjects.ALL_OPERATIONS)
    messages = [await _last(js, subject) for subject in sorted(info.state.subjects or {})]
    return read_rows(messages, lambda message: TroubleReported.model_validate_json(message.data or b""))


async def _last(js: JetStreamContext, subject: str) -> RawStreamMsg:
    try:
        return await js.get_last_msg(subjects.OPERATIONS_STREAM, subject)
    except NotFoundError:  # its bytes are damaged on the broker's disk
        return RawStreamMsg(subject)


def _print(reported: TroubleReported) -> None:
    is_open = reported.state == "raised"
    head = f"{reported.service} {reported.code}: {reported.words.vi} / {reported.words.en}"
    console.print(head, style="red" if is_open else "dim", highlight=False, markup=False)
    until = "" if is_open else f" – {moment(reported.at)}"
    lines = [f"{moment(reported.since)}{until}"]
    if is_open:
        lines += [reported.details.vi] if reported.details else []
        lines += [reported.remedy.vi, reported.remedy.en]
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
