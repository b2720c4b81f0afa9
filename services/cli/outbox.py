"""`ntm outbox`: the mails and SMS that were sent on this machine."""

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
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to print, the newest ones.")] = 20,
    text: Annotated[bool, typer.Option("--text", help="Print the text of mails too.")] = False,
    data: Data = DATA,
) -> None:
    """Print the mails and SMS that were sent on this machine, newest last."""

    async def work() -> None:
        async with http() as client:
            page = await get(client, f"{system_of(data).postbox_url}/outbox.json", limit=limit)
        for sent in page["items"]:
            at = datetime.fromisoformat(sent["at"]).astimezone(VIETNAM)
            title = f"{sent['n']:>6} {sent['kind']:<4} {at:%d/%m/%Y %H:%M:%S} → {', '.join(sent['to'])}"
            console.print(title, style="bold", highlight=False, markup=False)
            body = sent["text"] if sent["kind"] == "sms" or text else sent["subject"] or ""
            console.print(f"       {body}", highlight=False, markup=False)

    run(work())
