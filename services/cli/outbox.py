"""`ntm outbox`: the mails and SMS that were sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from deploy.local.clients import http
from services.cli.answers import get
from services.cli.console import console, run
from services.cli.options import DATA, Data, system_of
from shared.time import VIETNAM


def outbox(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
    text: Annotated[bool, typer.Option("--text", help="With the text of mails.")] = False,
    data: Data = DATA,
) -> None:
    """Print the mails and SMS that were sent on this machine, newest last."""

    async def work() -> None:
        async with http() as client:
            found = await get(client, f"{system_of(data).postbox_url}/outbox.json", limit=limit)
        for sent in found["items"]:
            at = datetime.fromisoformat(sent["at"]).astimezone(VIETNAM)
            title = f"{sent['n']:>6} {sent['kind']:<4} {at:%d/%m/%Y %H:%M:%S} → {', '.join(sent['to'])}"
            console.print(title, style="bold", highlight=False, markup=False)
            body = sent["text"] if sent["kind"] == "sms" or text else sent["subject"] or ""
            console.print(f"       {body}", highlight=False, markup=False)

    run(work())
