"""`ntm audit`: check the log against the receipts, and print the digest that a receipt has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deploy.local.clients import broker, database
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.intake.admission.digest import digests_of
from services.intake.audit import Audit, audit
from services.intake.storage.tables import SubmissionRow as Receipts
from services.scoring.storage.tables import SubmissionRow as Scored
from shared.contracts.submission import Submission
from shared.postgres.statements import table_of

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
