"""`ntm template preview`: the notice of an event with invented figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from services.cli.console import fail
from services.notify.alerts.alert import AlertedEvent
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.notice import Wording
from services.notify.alerts.rules_changed import RulesEvent
from services.notify.inspect.how_notices_read import example, preview
from services.notify.sms_text import parts
from shared.contracts.alert import ChannelName, DifficultyEvent, OperationEvent
from shared.contracts.bilingual import Language
from shared.contracts.status import Event
from shared.reference.load import load

app = typer.Typer(help="Lời của thông báo. / The words of notices.")

_EVENTS: dict[str, AlertedEvent] = {
    event.value: event
    for kind in (Event, DifficultyEvent, DossierEvent, FiguresEvent, OperationEvent, RulesEvent)
    for event in kind
}


@app.callback()
def _group() -> None:
    """Keep `preview` a command of its own."""


@app.command("preview")
def show(
    event: Annotated[str, typer.Argument(help="Such as fell_behind, problem_reported, gateway_down.")],
    channel: Annotated[str, typer.Option(help="email, sms, webhook or apprise.")] = "email",
    lang: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    commitment: Annotated[bool, typer.Option("--commitment", help="About the province's commitment.")] = False,
    several: Annotated[int, typer.Option(min=1, max=200, help="Number of alerts in the notice.")] = 1,
    step: Annotated[int, typer.Option(min=0, max=9, help="Number of escalations before the notice.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write the mail's HTML to this file.")] = None,
) -> None:
    """Print the notice of an event. The figures are invented."""
    if event not in _EVENTS:
        raise fail(f"Không có sự việc {event}. / There is no event {event}. ({', '.join(_EVENTS)})")
    if channel not in {"email", "sms", "webhook", "apprise"} or lang not in {"vi", "en"}:
        raise fail("--channel: email, sms, webhook, apprise; --lang: vi, en")
    reference = load()
    alerts = [example(_EVENTS[event], reference, of_commitment=commitment) for _ in range(several)]
    wording = preview(alerts, cast(ChannelName, channel), cast(Language, lang), reference, step)
    typer.echo(_printed(wording))
    if channel == "sms":
        typer.echo(f"({len(wording.text)} ký tự / characters, {parts(wording.text)} SMS)")
    if html and wording.html:
        html.write_text(wording.html, encoding="utf-8")


def _printed(wording: Wording) -> str:
    return f"{wording.subject}\n\n{wording.text}" if wording.subject else wording.text
