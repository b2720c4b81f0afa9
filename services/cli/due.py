"""`ntm due`: the reports that are overdue or due, with who is missing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, TypedDict

import typer
from rich.table import Table
from rich.text import Text

from deploy.local.clients import http
from services.cli.answers import Place, Words, get
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code
from shared.contracts.period import Period
from shared.text import day, period_name

_NAMES_SHOWN = 5


class _Item(TypedDict):
    name: Words
    period: str
    due: str
    overdue: bool
    district: Place | None
    expected: int
    arrived: int
    missing: list[Place]
    returned: list[Place]
    never_reported: int


def due(
    unit: Under = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; by default today.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print the reports that are overdue, due or returned, by district, and who is missing."""

    code = unit_code(data, unit, is_area=True)

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            page = await get(
                client, f"{system_of(data).intake_url}/v1/reports-due", unit=code, on=on.date() if on else None
            )
        if not page["items"]:
            console.print("Không có báo cáo nào đến hạn hoặc quá hạn. / No report is due or overdue.")
            return
        console.print(_table(page["items"], page["on"]))
        console.print("quá hạn = overdue · thiếu = missing · trả lại = returned", style="dim")

    run(work())


def _table(items: list[_Item], on: str) -> Table:
    table = Table(
        "hạn / due", "", "báo cáo / report", "kỳ / period", "huyện / district", "đã gửi / in", "thiếu / missing",
        title=f"Báo cáo đến hạn / Reports that are due · {day(date.fromisoformat(on), 'vi')}",
    )  # fmt: skip
    for item in items:
        table.add_row(
            day(date.fromisoformat(item["due"]), "vi"),
            Text("quá hạn", style="red") if item["overdue"] else "",
            f"{item['name']['vi']}\n[dim]{item['name']['en']}[/dim]",
            period_name(Period.parse(item["period"]), "vi"),
            item["district"]["name"] if item["district"] else "",
            _arrived(item),
            _names(item),
        )
    return table


def _arrived(item: _Item) -> str:
    """Return how many are in; `–` where nobody has begun to report."""
    return f"{item['arrived']}/{item['expected']}" if item["expected"] else "–"


def _names(item: _Item) -> str:
    missing = [f"{one['name']} ({one['code']})" for one in item["missing"]]
    more = len(missing) - _NAMES_SHOWN
    lines = [", ".join(missing[:_NAMES_SHOWN]) + (f" … +{more}" if more > 0 else "")] if missing else []
    if item["returned"]:
        lines.append("trả lại: " + ", ".join(f"{one['name']} ({one['code']})" for one in item["returned"]))
    return "\n".join(lines)
