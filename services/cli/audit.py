"""`ntm audit`: check the log against the receipts, and print the digest that a receipt has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from nats.aio.client import Client
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import BROKER_PATIENCE_SECONDS, broker, database, settings_of
from services.cli.console import console, errors, fail, run
from services.cli.lost_for_good import streams_lost_for_good
from services.cli.options import DATA, Data, system_of
from services.cli.rebuild import rules_of_state
from services.cli.texts import phrase
from services.intake.admission.digest import digests_of
from services.intake.audit import Audit, Damage, audit
from services.intake.logged_messages import logged_messages
from services.intake.repair import Repair, RepairRunsError, UnkeptMessagesError
from services.intake.repair import repair as repair_stream
from services.intake.storage.lost_messages import highest_number_of
from services.intake.storage.tables import ParkedRow as NotProjected
from services.intake.storage.tables import SubmissionRow as Receipts
from services.notify.storage.tables import ParkedRow as NotTold
from services.scoring.storage.tables import OutboxRow
from services.scoring.storage.tables import ParkedRow as NotScored
from services.scoring.storage.tables import SubmissionRow as Scored
from services.scoring.update.published_again import published_messages
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.submission import Submission
from shared.nats.connection import connected
from shared.nats.refilling import Refill, Refilling
from shared.nats.roles import REPAIR
from shared.object_store import ObjectStore
from shared.postgres.locks import may_repair
from shared.postgres.statements import table_of
from shared.reference.load import Plans, load_for
from shared.service.outbox import unpublished
from shared.service.proof import Proof
from shared.service.reference_versions import UnusableVersionError
from shared.text import number_named
from shared.texts import filled
from shared.time import VIETNAM

_PARKED = (NotScored, NotProjected)
_STATUS = subjects.STATUS_STREAM
_IN_TABLES = (
    subjects.ALL_STATUSES,
    subjects.ALL_STATUSES_V2,
    subjects.ALL_TARGETS,
    subjects.ALL_TARGETS_V2,
    subjects.ALL_PROBLEMS,
    subjects.ALL_DOSSIERS,
)
"""The families of STATUS whose messages the tables keep."""

_BEYOND = {
    subjects.REFERENCE_STREAM: phrase("audit.repair_beyond_reference"),
    subjects.REFUSALS_STREAM: phrase("audit.repair_beyond_refusals"),
    subjects.ALERTS_STREAM: phrase("audit.repair_beyond_alerts"),
    subjects.OPERATIONS_STREAM: phrase("audit.repair_beyond_operations"),
}
"""What is lost with a stream that no table keeps whole, what remains, and what to do."""

_DAMAGES = {
    Damage.UNREADABLE: phrase("audit.damage_unreadable"),
    Damage.OTHER_THAN_ITS_DIGEST: phrase("audit.damage_digest"),
    Damage.TWICE: phrase("audit.damage_twice"),
}

_FILE_FAULTS = {
    "missing": phrase("audit.file_missing"),
    "changed": phrase("audit.file_changed"),
    "unchecked": phrase("audit.file_unchecked"),
}

app = typer.Typer(no_args_is_help=True, help="Kiểm chứng nhật ký số liệu. / Check the log of accepted submissions.")


@app.command()
def verify(data: Data = DATA) -> None:
    """Check the stored stream against the receipts and against scoring's copy. Exit status 1 if they differ."""
    system = system_of(data)

    async def work() -> Audit:
        async with broker(system) as nats, database(system) as engine:
            store = ObjectStore.at(system.evidence_store) if system.evidence_store else None
            return await audit(engine, nats, [table_of(Receipts), table_of(Scored)], store)

    result = run(work())
    console.print(filled(phrase("audit.messages"), number=number_named(result.messages)).in_both, highlight=False)
    if result.files:
        console.print(filled(phrase("audit.files"), number=number_named(result.files)).in_both, highlight=False)
    if result.left_over:
        left_over = number_named(result.left_over)
        console.print(filled(phrase("audit.left_over"), number=left_over).in_both, highlight=False)
    for fault in _faults(result):
        errors.print(fault.in_both, style="red", highlight=False, markup=False)
    if not result.is_sound:
        raise typer.Exit(1)
    console.print(phrase("audit.agrees").in_both, style="green")


def _faults(result: Audit) -> Iterator[Bilingual]:
    for message in result.unproved:
        yield filled(phrase("audit.unproved"), message=message)
    for message, damage in result.damaged:
        yield filled(phrase("audit.damaged"), message=message, damage=_DAMAGES[damage])
    for file, wrong in result.faulty_files:
        yield filled(_FILE_FAULTS[wrong], file=file)
    for table, ids in result.lost.items():
        for submission in ids:
            yield filled(phrase("audit.lost"), id=submission, table=table)
    for table, ids in result.unrecorded.items():
        for submission in ids:
            yield filled(phrase("audit.unrecorded"), id=submission, table=table)


@app.command()
def repair(data: Data = DATA) -> None:
    """Publish again what the streams SUBMISSIONS and STATUS have lost and the database holds.

    Beside the running services. Exit status 1 where something stays lost, also of another stream. It changes no
    verdict, tells nobody anew, and may be repeated.
    """
    system = system_of(data)
    settings = settings_of(system)

    async def work() -> tuple[Repair, Refill, list[str]]:
        async with (
            broker(system) as operator,
            connected(settings_of(system, REPAIR.name), "ntm-repair", BROKER_PATIENCE_SECONDS) as nats,
            database(system) as engine,
        ):
            try:
                plans, can_refill = (await rules_of_state(engine, operator, settings)).plans, True
            except UnusableVersionError:  # the changes were published by rules that are not there
                plans, can_refill = load_for(settings), False
            units = plans.references[-1].units
            repaired = await repair_stream(engine, nats, table_of(Scored), [table_of(row) for row in _PARKED], units)
            refilled = await _refill_status(engine, nats, plans) if can_refill else Refill()
            return repaired, refilled, await streams_lost_for_good(operator, engine)

    try:
        repaired, refilled, lost_streams = run(work())
    except RepairRunsError:
        raise fail(phrase("audit.repair_runs").in_both) from None
    except UnkeptMessagesError as error:
        raise fail(filled(phrase("audit.repair_waits"), number=error.number).in_both) from None
    if repaired.was_closed:
        console.print(phrase("audit.repair_opened").in_both, highlight=False)
    for stream, was_made in ((subjects.SUBMISSIONS_STREAM, repaired.was_made), (_STATUS, refilled.was_made)):
        if was_made:
            console.print(filled(phrase("audit.repair_made"), stream=stream).in_both, highlight=False)
    if repaired.goes_on_from is not None:
        console.print(filled(phrase("audit.repair_goes_on"), number=repaired.goes_on_from).in_both, highlight=False)
    restored = {**repaired.restored, **refilled.restored}
    for family, number in restored.items():
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
    if refilled.was_made or refilled.restored:
        console.print(phrase("audit.repair_mirrors").in_both, highlight=False)
        console.print(phrase("audit.repair_beyond").in_both, highlight=False)
    for stream in lost_streams:
        errors.print(_BEYOND[stream].in_both, style="red", highlight=False)
    if refilled.unreadable:
        words = filled(phrase("audit.repair_unreadable"), number=refilled.unreadable).in_both
        errors.print(words, style="red", highlight=False)
    if lost_streams or refilled.unreadable or not repaired.is_whole:
        raise typer.Exit(1)
    if not restored:
        console.print(phrase("audit.repair_nothing").in_both, style="green", highlight=False)


async def _refill_status(engine: AsyncEngine, nats: Client, plans: Plans) -> Refill:
    """Fill the stream STATUS again with the changes, difficulties and dossiers that the tables hold."""
    parked = [table_of(row) for row in (NotProjected, NotTold)]
    proof = await Proof.of(engine, nats)
    async with engine.connect() as connection:
        # The tables as they are before the stream is read: what is published meanwhile would seem to be lost.
        await connection.execution_options(isolation_level="REPEATABLE READ")
        if not await may_repair(connection):
            raise RepairRunsError
        refilling = Refilling(nats, _STATUS, proof.proved)
        highest = await highest_number_of(connection, _STATUS, parked)
        await refilling.begin(highest, _IN_TABLES, await unpublished(connection, OutboxRow))
        async for made in published_messages(connection, plans):
            await refilling.take(made)
        await refilling.take(await logged_messages(connection, plans.references[-1].units))
        await refilling.end()
    return refilling.result


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
