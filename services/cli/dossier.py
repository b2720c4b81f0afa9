"""`ntm dossier`: dossiers of recognition are listed, shown, and moved on by a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from deploy.local.clients import http
from services.cli.answers import get, problem_text
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, Key, Under, key_of, system_of, unit_code
from shared.contracts.dossier import DossierStep
from shared.text import DOSSIER_STEPS

app = typer.Typer(no_args_is_help=True, help="Hồ sơ công nhận xã. / Dossiers of recognition of communes.")

Commune = Annotated[str, typer.Argument(help="The commune's code, such as 06280.")]
SetId = Annotated[str, typer.Argument(metavar="SET", help="The criteria set: ntm or advanced.")]
Criteria = Annotated[str, typer.Option(help="Criteria with commas, such as ntm-11,ntm-12; `all`: all of the set.")]


@app.command("list")
def list_dossiers(
    unit: Under = None,
    turn: Annotated[DossierStep | None, typer.Option(help="Only dossiers that wait for this step.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """List the dossiers of the key's communes, and the step that each waits for."""
    code = unit_code(data, unit, is_area=True)

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            found = await get(client, f"{system_of(data).intake_url}/v1/dossiers", unit=code, turn=turn)
        table = Table("mã", "xã", "bộ", "bước vừa làm / last step", "đang chờ / waits for", "hạn / due")
        for one in found["items"]:
            turns = one["turns"]
            table.add_row(
                one["unit"]["code"],
                one["unit"]["name"],
                one["criteria_set"],
                _named(one["last_step"]["step"]),
                _named(turns[0]["step"]) if turns else "",
                min((turn["due"] for turn in turns if turn["due"]), default=""),
            )
        console.print(table)

    run(work())


@app.command()
def show(commune: Commune, criteria_set: SetId = "ntm", data: Data = DATA, key: Key = None) -> None:
    """Print a dossier: each criterion with the offices' answers and the figures' judgement, and the steps taken."""

    async def work() -> None:
        async with http(key_of(data, key)) as client:
            _print(await get(client, _address(data, commune, criteria_set)))

    run(work())


@app.command()
def take(
    commune: Commune,
    step: Annotated[DossierStep, typer.Argument(help="The step, or `returned`.")],
    criteria_set: SetId = "ntm",
    yes: Criteria = "",
    no: Criteria = "",
    note: Annotated[str | None, typer.Option(help="A note for each of these answers.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is returned, or should be withdrawn.")] = None,
    number: Annotated[str | None, typer.Option(help="The decision's number.")] = None,
    date: Annotated[str | None, typer.Option(help="The day of the decision, such as 2023-12-28.")] = None,
    person: Annotated[str | None, typer.Option(help="Who takes the step for the office.")] = None,
    data: Data = DATA,
    key: Key = None,
) -> None:
    """Take a step in a dossier, for the office that the key belongs to."""

    async def work() -> None:
        address = _address(data, commune, criteria_set)
        async with http(key_of(data, key)) as client:
            of_set = [one["criterion"] for one in (await get(client, address))["criteria"]]
            answers = [
                {"criterion": criterion, "yes": said, "note": note}
                for named, said in ((yes, True), (no, False))
                for criterion in (of_set if named == "all" else filter(None, named.split(",")))
            ]
            entry = {"step": step, "answers": answers, "reason": reason, "number": number, "date": date}
            try:
                answer = await client.post(address, json={**entry, "person": person})
            except httpx.HTTPError as error:
                raise fail(f"{address}: {error or type(error).__name__}") from None
        if answer.is_error:
            raise fail(problem_text(answer))
        _print(answer.json())

    run(work())


def _address(data: Any, commune: str, criteria_set: str) -> str:
    return f"{system_of(data).intake_url}/v1/dossiers/{commune}/{criteria_set}"


def _named(step: str) -> str:
    name = DOSSIER_STEPS[DossierStep(step)]
    return name.in_both


def _print(dossier: dict[str, Any]) -> None:
    console.print(f"{dossier['unit']['code']} {dossier['unit']['name']} · {dossier['name']['vi']}", highlight=False)
    assessments = [DossierStep.SELF_ASSESSED, DossierStep.VERIFIED, DossierStep.APPRAISED]
    table = Table("tiêu chí / criterion", "số liệu / figures", *(_named(step) for step in assessments))
    for one in dossier["criteria"]:
        judged = one["judged"]["judged"] if one["judged"] else "?"
        table.add_row(
            f"{one['criterion']} {one['name']['vi']}",
            judged,
            *("\n".join(_answer(one["answers"].get(step))) for step in assessments),
        )
    console.print(table)
    for step in dossier["steps"]:
        who = step["person"] or step["agency_name"] or step["agency"]
        decision = f" · {step['number']}, {step['date']}" if step["number"] else ""
        console.print(f"{step['at'][:16]} {_named(step['step'])} · {who}{decision}", highlight=False, markup=False)
        if step["reason"]:
            console.print(f"  {step['reason']}", highlight=False, markup=False)
    for turn in dossier["turns"]:
        due = f" · hạn / due {turn['due']}" if turn["due"] else ""
        sector = f" · {turn['sector']}" if turn["sector"] else ""
        console.print(f"đang chờ / waits for: {_named(turn['step'])}{sector}{due}", style="bold", highlight=False)


def _answer(given: dict[str, Any] | None) -> Iterator[str]:
    if given is None:
        return
    is_against = given["yes"] and given["judged"] == "not_met"
    yield ("đạt / yes" if given["yes"] else "không / no") + (" (!)" if is_against else "")
    if given["note"]:
        yield given["note"]
