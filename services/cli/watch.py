"""`ntm watch`: the changes of commitments and criteria as they happen."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypedDict

import httpx
import typer
from rich.text import Text

from deploy.examples.follow_http import Frame, follow
from deploy.local.clients import http
from services.cli.answers import Place, Words, get, problem_text
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, Key, key_of, system_of
from services.cli.status import LEGEND, STATUS_STYLES, status_text
from services.cli.texts import phrase
from shared import text
from shared.contracts.bilingual import Bilingual
from shared.contracts.status import Event, Status
from shared.texts import filled


class _Criterion(TypedDict):
    key: str
    name: Words


class _Commitment(TypedDict):
    title: Words


class _About(TypedDict, total=False):
    """A commune's criterion, or a commitment of a district or the province."""

    unit: Place
    criterion: _Criterion | None
    commitment: _Commitment | None


class _Standing(_About):
    status: str
    since: str | None


class _Change(_About):
    on: str
    event: str
    after: str
    reason: Words


def watch(
    everything: Annotated[bool, typer.Option("--all", help="Begin with how everything stands.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print changes as they happen, until Ctrl-C. After a break none is missing."""

    async def work() -> None:
        url = system_of(data).scoring_url
        async with http(key_of(data, key)) as client:
            page = await get(client, f"{url}/v1/changes", limit=1)
            if page["sample"]:
                console.print("DỮ LIỆU MẪU / SAMPLE DATA", style="bold magenta")
            if everything:  # read behind the place, so what changes meanwhile is told
                for standing in await _standings(client, url):
                    _print_standing(standing)
                console.print(LEGEND, style="dim")
            console.print(phrase("watch.begins").in_both, style="dim")
            async for frame in follow(client, url, str(page["live_after"]), _print_break):
                _print_frame(frame)

    try:
        run(work())
    except httpx.HTTPStatusError as error:
        raise fail(problem_text(error.response)) from None


async def _standings(client: httpx.AsyncClient, url: str) -> list[_Standing]:
    """Return what is known of each criterion and commitment, those that have stood longest first."""
    items: list[_Standing] = []
    cursor: str | None = None
    while True:
        page = await get(client, f"{url}/v1/statuses", form="short", cursor=cursor, limit=5000)
        items += page["items"]
        if not (cursor := page["next"]):
            break
    items += (await get(client, f"{url}/v1/targets"))["items"]
    return sorted((one for one in items if one["status"] != Status.NO_DATA), key=lambda one: one["since"] or "")


def _print_standing(standing: _Standing) -> None:
    console.print(_line(standing["since"], standing).append_text(status_text(standing["status"])))


def _print_frame(frame: Frame) -> None:
    """Print the changes of a frame, and name those that cannot be shown."""
    for change in frame.data.get("items", []):
        _print_change(change)
    for number in frame.data.get("unreadable", []):
        errors.print(filled(phrase("watch.unreadable"), number=number).in_both, style="red", highlight=False)
    if frame.event == "reset":
        errors.print(Bilingual(**frame.data["reason"]).in_both, style="red", highlight=False, markup=False)


def _print_change(change: _Change) -> None:
    happened = text.EVENTS[Event(change["event"])].in_both
    console.print(_line(change["on"], change).append(happened, style=STATUS_STYLES[change["after"]]))
    for language in ("vi", "en"):
        console.print(Text(f"  {Bilingual(**change['reason']).in_(language)}", style="dim"))


def _print_break(reason: str) -> None:
    errors.print(filled(phrase("watch.broken"), reason=reason).in_both, style="red", highlight=False, markup=False)


def _line(day: str | None, about: _About) -> Text:
    criterion, commitment, unit = about.get("criterion"), about.get("commitment"), about["unit"]
    topic = f"{criterion['key']} {criterion['name']['vi']}" if criterion else ""
    if commitment:
        topic = commitment["title"]["vi"]
    shown = text.day(date.fromisoformat(day), "vi") if day else "–"
    return Text(f"{shown:<10} {unit['code']:<5} {unit['name']:<24} {topic:<36} ")
