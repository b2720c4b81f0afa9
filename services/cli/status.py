"""`ntm status`: the statuses of the communes, and the commitments of the province and the districts."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypedDict

import typer
from rich.table import Table
from rich.text import Text

from deploy.local.clients import http
from services.cli.answers import Place, Words, get
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code
from shared.contracts.status import Status
from shared.text import STATUSES, day, number

STATUS_STYLES = {
    "met": "green",
    "on_track": "cyan",
    "behind": "yellow",
    "missed": "red",
    "not_met": "",
    "no_data": "dim",
}
LEGEND = " · ".join(f"{name.vi} = {name.en}" for name in STATUSES.values())


class _Criterion(TypedDict):
    key: str


class _StatusItem(TypedDict):
    unit: Place
    district: Place | None
    criterion: _Criterion
    status: str


class _Commitment(TypedDict):
    line: int | None
    title: Words


class _Part(TypedDict, total=False):
    baseline: float | None
    required: float | None
    value: float | None
    goal: float | None


class _Assessment(TypedDict):
    parts: list[_Part]


class _TargetItem(TypedDict):
    unit: Place
    commitment: _Commitment
    assessment: _Assessment | None
    status: str


def status(
    district: Under = None,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Statuses of a day.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All communes and criteria, also without figures.")] = False,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print the statuses of the communes, and the province's or the district's commitments."""
    code, on = unit_code(data, district, is_area=True), as_of.date() if as_of else None
    run(_status(code, on, every, data, key_of(data, key)))


async def _status(district: str | None, as_of: date | None, every: bool, data: Path, key: str) -> None:
    url = system_of(data).scoring_url
    items: list[_StatusItem] = []
    async with http(key) as client:
        cursor: str | None = None
        while True:
            page = await get(client, f"{url}/v1/statuses", district=district, as_of=as_of, cursor=cursor, limit=5000)
            items += page["items"]
            if not (cursor := page["next"]):
                break
        targets = await get(client, f"{url}/v1/targets", as_of=as_of)
    if page["sample"]:
        console.print("DỮ LIỆU MẪU / SAMPLE DATA", style="bold magenta")
    console.print(_communes_table(items, page["as_of"], every))
    shown = [target for target in targets["items"] if district in (None, target["unit"]["code"])]
    if shown:
        console.print(targets_table(shown))
    console.print(LEGEND, style="dim")


def _communes_table(items: list[_StatusItem], as_of: str, every: bool) -> Table:
    rows: defaultdict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for item in items:
        district = item["district"]["name"] if item["district"] else ""
        rows[item["unit"]["code"], item["unit"]["name"], district][item["criterion"]["key"]] = item["status"]
    with_figures = {item["criterion"]["key"] for item in items if every or item["status"] != Status.NO_DATA}
    criteria = [key for key in dict.fromkeys(item["criterion"]["key"] for item in items) if key in with_figures]
    # only the columns that change most, so that the table fits a terminal
    judged = [key for key in criteria if every or key.split("-")[1] in ("11", "12", "14", "18")]
    table = Table("mã", "xã", "huyện", *judged, title=day(date.fromisoformat(as_of), "vi"))
    for (code, name, district), statuses in rows.items():
        if every or any(statuses.get(key, "no_data") != "no_data" for key in judged):
            table.add_row(code, name, district, *(status_text(statuses.get(key, "no_data")) for key in judged))
    return table


def targets_table(targets: list[_TargetItem]) -> Table:
    """Return the table of commitments with their baselines and their required, reached and planned values."""
    table = Table(
        "dòng", "đơn vị", "chỉ tiêu kế hoạch / commitment", "gốc", "theo lộ trình", "đạt được", "mục tiêu", ""
    )
    for target in targets:
        part: _Part = target["assessment"]["parts"][0] if target["assessment"] else {}
        figures = part.get("baseline"), part.get("required"), part.get("value"), part.get("goal")
        table.add_row(
            str(target["commitment"]["line"] or ""),
            target["unit"]["name"],
            f"{target['commitment']['title']['vi']}\n[dim]{target['commitment']['title']['en']}[/dim]",
            *map(_number, figures),
            status_text(target["status"]),
        )
    return table


def status_text(status: str) -> Text:
    """Return the status's Vietnamese name in its colour."""
    return Text(STATUSES[Status(status)].vi, style=STATUS_STYLES[status])


def _number(value: float | None) -> str:
    return "" if value is None else number(value, "vi")
