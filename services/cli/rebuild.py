"""`ntm rebuild`: rebuild intake's tables and scoring's state from the streams."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from deploy.local.clients import broker, database, settings_of
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from services.intake.rebuild import RebuiltTables
from services.intake.rebuild import rebuild as rebuild_tables
from services.scoring.storage.judged_version import judged_version, record_version
from services.scoring.update.plan_guard import OtherPlanError, OtherVersionError
from services.scoring.update.rebuild import RebuildReport
from services.scoring.update.rebuild import rebuild as rebuild_state
from shared.reference.load import InvalidReferenceError, load_for
from shared.service.clock import read_day
from shared.service.proof import Proof
from shared.service.reference_versions import UnusableVersionError, digest_of_files, loaded, version_at
from shared.service.runtime import collect_rarely
from shared.texts import filled
from shared.time import VIETNAM, utc_now


def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare with the live state, and print the differences.")
    ] = False,
    change_plan: Annotated[
        bool, typer.Option("--change-plan", help="Judge by the plan that NTM_PLAN names, instead of the system's own.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Rebuild intake's tables and scoring's state from the streams, compare them, and put them in place.

    It judges by the version of the reference data by which the live state was judged (`ntm reference list`).

    Exit status 1 where they differ. What is live stays where a stream lacks what it holds (`ntm audit repair`). Keys,
    contacts, silences, subscriptions and acknowledgements stand in no stream that this reads: they are in backups.
    """
    system = system_of(data)

    async def work() -> tuple[RebuiltTables, RebuildReport]:
        async with broker(system) as nats, database(system) as engine:
            day = await read_day(nats.jetstream()) if system.clock == "simulated" else None
            async with engine.connect() as connection:
                version = await judged_version(connection) or 0
            if version and change_plan:
                words = phrase("rebuild.install_the_plan")
                raise fail(words.in_both)
            settings = settings_of(system)
            proof = await Proof.of(engine, nats)
            plans = loaded(await version_at(nats, version, proof), settings) if version else load_for(settings)
            collect_rarely()
            in_force = plans.in_force(day or utc_now().astimezone(VIETNAM).date())
            tables = await rebuild_tables(engine, nats, in_force, switch=not verify)
            report = await rebuild_state(
                engine, nats, plans, day, switch=not verify, change_plan=change_plan, version=version
            )
            if report.switched and version == 0:
                async with engine.begin() as connection:
                    await record_version(connection, 0, digest_of_files(settings), utc_now())
            return tables, report

    try:
        intake, compared = run(work())
    except (OtherPlanError, OtherVersionError, UnusableVersionError) as error:
        raise fail(str(error)) from None
    except InvalidReferenceError as error:
        raise fail("\n".join(fault.text(language) for fault in error.faults for language in ("vi", "en"))) from None
    table = Table("", "live", "rebuilt", "differ")
    for own in intake.tables:
        table.add_row(
            f"intake.{own.name}", *(f"{count:,}" for count in (own.live_rows, own.rebuilt_rows, own.differing))
        )
    for name, counts in compared.counts.items():
        table.add_row(f"scoring.{name}", *(f"{count:,}" for count in counts))
    console.print(f"{compared.submissions:,} submissions, {compared.seconds:.1f} s", highlight=False)
    console.print(table)
    for difference in compared.differences[:20]:
        errors.print(difference, style="red", highlight=False, markup=False)
    for message in intake.unreadable:
        errors.print(filled(phrase("rebuild.unreadable"), message=message).in_both, style="yellow", highlight=False)
    if intake.lacking:
        errors.print(
            filled(phrase("rebuild.intake_stays"), number=intake.lacking).in_both, style="red", highlight=False
        )
    if intake.switched and not intake.is_same:
        console.print(phrase("rebuild.intake_in_place").in_both, highlight=False)
    if compared.switched:
        console.print("Đã thay bằng trạng thái dựng lại. / The rebuilt state is in place.")
    if compared.lacking:
        errors.print(
            f"Luồng thiếu {compared.lacking} bản gửi đã chấm: giữ nguyên. "
            f"/ The stream lacks {compared.lacking} submissions that were scored: the live state stays.",
            style="red",
        )
    if compared.differences or not intake.is_same:
        raise typer.Exit(1)
    console.print("Giống nhau hoàn toàn. / The same.", style="green")
