"""`ntm nearest`: the communes that lack the least to meet a criterion."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypedDict

import typer
from rich.table import Table

from deploy.local.clients import http
from services.cli.answers import Place, Words, get
from services.cli.console import console, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code
from services.cli.status import status_text
from shared import text


class _Part(TypedDict):
    indicator: str
    group: str | None
    missing: float
    missing_unit: Words


class _Item(TypedDict):
    unit: Place
    district: Place | None
    parts: list[_Part]
    status: str


class _Criterion(TypedDict):
    name: Words


class _Page(TypedDict):
    criterion: _Criterion
    on: str
    items: list[_Item]
    met: int
    lacking: int
    no_data: int
    sample: bool


def nearest(
    criterion: Annotated[str, typer.Argument(help="Such as ntm-11.")],
    district: Under = None,
    cohort: Annotated[str | None, typer.Option(help="Only communes of this cohort, such as border-2023.")] = None,
    bound: Annotated[bool, typer.Option("--bound", help="Only communes that a cohort binds to the criterion.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most communes to print.")] = 10,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Print the communes nearest to meeting a criterion, and what each still lacks."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            page: _Page = await get(
                client,
                f"{system_of(data).scoring_url}/v1/nearest",
                criterion=criterion,
                district=unit_code(data, district, is_area=True),
                cohort=cohort,
                bound=bound or None,
                limit=limit,
            )
        if page["sample"]:
            console.print("DỮ LIỆU MẪU / SAMPLE DATA", style="bold magenta")
        console.print(_table(page))
        console.print(
            f"đạt {page['met']} · chưa đạt {page['lacking']} · chưa đủ số liệu {page['no_data']} "
            f"(met · not met · without all figures)",
            style="dim",
        )

    run(work())


def _table(page: _Page) -> Table:
    name, on = page["criterion"]["name"], text.day(date.fromisoformat(page["on"]), "vi")
    table = Table("mã", "xã", "huyện", "còn thiếu / still lacks", "", title=f"{name['vi']} / {name['en']} · {on}")
    for item in page["items"]:
        table.add_row(
            item["unit"]["code"],
            item["unit"]["name"],
            item["district"]["name"] if item["district"] else "",
            "\n".join(_lacks(part) for part in item["parts"]),
            status_text(item["status"]),
        )
    return table


def _lacks(part: _Part) -> str:
    group = {"men": " (nam / men)", "women": " (nữ / women)"}.get(part["group"] or "", "")
    unit = part["missing_unit"]
    return f"{text.number(part['missing'], 'vi')} {unit['vi']} / {unit['en']} · {part['indicator']}{group}"
