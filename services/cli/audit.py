"""`ntm audit`: check the log against the receipts, and print the digest that a receipt has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deploy.local.clients import BROKER_PATIENCE_SECONDS, broker, database, settings_of
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.running_reference import running_reference
from services.cli.texts import phrase
from services.intake.admission.digest import digests_of
from services.intake.audit import Audit, audit
from services.intake.repair import Repair, RepairRunsError, UnkeptMessagesError
from services.intake.repair import repair as repair_stream
from services.intake.storage.tables import ParkedRow as NotProjected
from services.intake.storage.tables import SubmissionRow as Receipts
from services.scoring.storage.tables import ParkedRow as NotScored
from services.scoring.storage.tables import SubmissionRow as Scored
from shared.contracts.submission import Submission
from shared.nats.connection import connected
from shared.nats.roles import REPAIR
from shared.postgres.statements import table_of
from shared.texts import filled
from shared.time import VIETNAM

_PARKED = (NotScored, NotProjected)

app = typer.Typer(no_args_is_help=True, help="Kiểm chứng nhật ký số liệu. / Check the log of accepted submissions.")


@app.command()
def verify(data: Data = DATA) -> None:
    """Check the stored stream against the receipts and against scoring's copy. Exit status 1 if they differ."""
    system = system_of(data)

    async def work() -> Audit:
        async with broker(system) as nats, database(system) as engine:
            return await audit(engine, nats, [table_of(Receipts), table_of(Scored)])

    result = run(work())
    console.print(f"{result.messages:,} submissions in the log", highlight=False)
    for unproved in result.unproved:
        errors.print(f"not proved: message {unproved}", style="red", highlight=False, markup=False)
    for damaged in result.damaged:
        errors.print(f"damaged: message {damaged}", style="red", highlight=False, markup=False)
    for table, ids in result.lost.items():
        for submission in ids:
            errors.print(f"lost: {submission} is in {table}, not (so) in the log", style="red", highlight=False)
    for table, ids in result.unrecorded.items():
        for submission in ids:
            errors.print(f"unrecorded: {submission} is in the log, not in {table}", style="red", highlight=False)
    if not result.is_sound:
        raise typer.Exit(1)
    console.print("Khớp hoàn toàn. / All of it agrees.", style="green")


@app.command()
def repair(data: Data = DATA) -> None:
    """Publish again what the stream of submissions has lost and the database holds, beside the running services.

    Exit status 1 where something stays lost. It changes no verdict, and may be repeated.
    """
    system = system_of(data)

    async def work() -> Repair:
        async with (
            broker(system) as operator,
            connected(settings_of(system, REPAIR.name), "ntm-repair", BROKER_PATIENCE_SECONDS) as nats,
            database(system) as engine,
        ):
            units = (await running_reference(system, operator)).plans.references[-1].units
            return await repair_stream(engine, nats, table_of(Scored), [table_of(row) for row in _PARKED], units)

    try:
        repaired = run(work())
    except RepairRunsError:
        raise fail(phrase("audit.repair_runs").in_both) from None
    except UnkeptMessagesError as error:
        raise fail(filled(phrase("audit.repair_waits"), number=error.number).in_both) from None
    if repaired.was_closed:
        console.print(phrase("audit.repair_opened").in_both, highlight=False)
    if repaired.was_made:
        console.print(phrase("audit.repair_made").in_both, highlight=False)
    if repaired.goes_on_from is not None:
        console.print(filled(phrase("audit.repair_goes_on"), number=repaired.goes_on_from).in_both, highlight=False)
    for family, number in repaired.restored.items():
        console.print(filled(phrase("audit.repair_restored"), number=number, family=family).in_both, highlight=False)
    for message in repaired.removed:
        console.print(filled(phrase("audit.repair_removed"), message=message).in_both, highlight=False)
    for submission in repaired.damaged:
        errors.print(filled(phrase("audit.repair_damaged"), id=submission).in_both, style="red", highlight=False)
    for lost in repaired.lost:
        said = filled(
            phrase("audit.repair_lost"),
            id=lost.id,
            agency=lost.agency,
            unit=lost.code,
            period=lost.period,
            at=lost.received_at.astimezone(VIETNAM).isoformat(timespec="seconds"),
        ).in_both
        errors.print(said, style="red", highlight=False, markup=False)
    console.print(phrase("audit.repair_beyond").in_both, highlight=False)
    if not repaired.is_whole:
        raise typer.Exit(1)
    if not repaired.restored:
        console.print(phrase("audit.repair_nothing").in_both, style="green", highlight=False)


@app.command()
def digest(
    file: Annotated[Path, typer.Argument(help="JSON: one submission, or an array.", exists=True, dir_okay=False)],
    earlier: Annotated[
        bool, typer.Option("--earlier", help="Print the digest of earlier versions, without the prefix jcs:.")
    ] = False,
) -> None:
    """Print the digest that a receipt for these submissions has, by which an agency proves what it sent."""
    try:
        content = json.loads(file.read_bytes())
        items = [Submission.model_validate(item) for item in (content if isinstance(content, list) else [content])]
    except (ValueError, ValidationError, RecursionError) as error:
        raise fail(f"{file}: {error}") from None
    for item in items:
        digests = digests_of(item)
        console.print(f"{digests.earlier if earlier else digests.digest}  {item.unit} {item.period}", highlight=False)
