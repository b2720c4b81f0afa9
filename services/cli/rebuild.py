"""`ntm rebuild`: make the tables of all services again from the streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer
from nats.aio.client import Client
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.clients import broker, database, settings_of
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from services.intake.rebuild import RebuiltTables
from services.intake.rebuild import rebuild as rebuild_tables
from services.notify.rebuild import RebuiltAlerts
from services.notify.rebuild import rebuild as rebuild_alerts
from services.scoring.storage.judged_version import digest_judged_by, judged_version, record_version
from services.scoring.storage.rebuilt_schema import DifferingVerdicts
from services.scoring.storage.ticks import last_tick
from services.scoring.update.plan_guard import OtherPlanError, OtherVersionError
from services.scoring.update.rebuild import RebuildReport
from services.scoring.update.rebuild import rebuild as rebuild_state
from shared.contracts.status import Status
from shared.reference.load import InvalidReferenceError, Plans, load_for
from shared.service.clock import read_day
from shared.service.proof import Proof
from shared.service.reference_versions import UnusableVersionError, digest_of_files, loaded, version_at
from shared.service.runtime import collect_rarely
from shared.settings import Settings
from shared.text import STATUSES
from shared.texts import filled
from shared.time import VIETNAM, utc_now


class Rules(NamedTuple):
    """The reference data by which the state is judged: their plans and their version, 0 where it has none."""

    plans: Plans
    version: int


async def rules_of_state(engine: AsyncEngine, nats: Client, settings: Settings, *, only_own: bool = False) -> Rules:
    """Return the reference data by which the state is judged.

    UnusableVersionError or InvalidReferenceError where they cannot be used; with `only_own` also where they are files,
    and those that the settings name are others.
    """
    async with engine.connect() as connection:
        version = await judged_version(connection) or 0
        digest = await digest_judged_by(connection)
    if version:
        return Rules(loaded(await version_at(nats, version, await Proof.of(engine, nats)), settings), version)
    plans = load_for(settings)
    if only_own and digest not in (None, digest_of_files(settings)):
        raise UnusableVersionError(phrase("rebuild.other_files").in_both)
    return Rules(plans, 0)


async def take_up_published(engine: AsyncEngine, nats: Client, rules: Rules) -> tuple[RebuildReport, RebuiltAlerts]:
    """Bring scoring's and notify's tables to what the streams prove was published and told, while no service runs."""
    async with engine.connect() as connection:
        day = await last_tick(connection)
    report = await rebuild_state(engine, nats, rules.plans, day, switch=True, version=rules.version)
    return report, await rebuild_alerts(engine, nats, rules.plans, switch=True)


def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare with the live state, and print the differences.")
    ] = False,
    change_plan: Annotated[
        bool, typer.Option("--change-plan", help="Judge by the plan that NTM_PLAN names, instead of the system's own.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Drop what no stream proves, such as what a stolen key has signed.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Make the tables of all services again from the streams, and put them in place.

    It judges by the version of the reference data by which the live state was judged (`ntm reference list`).

    `--verify` says what that would change, the verdicts by criterion and commitment, and changes nothing. Exit status 1
    where they differ. What is live stays where a stream lacks what it holds: `ntm audit repair` fills the
    stream, and `--accept-loss` drops what it lacks. Nobody is told again of what was told. Keys, contacts, silences,
    subscriptions, notices' words and addresses, and parked messages stand in no stream: they are in backups.
    """
    system = system_of(data)

    async def work() -> tuple[RebuiltTables, RebuildReport, RebuiltAlerts]:
        async with broker(system) as nats, database(system) as engine:
            day = await read_day(nats.jetstream()) if system.clock == "simulated" else None
            settings = settings_of(system)
            plans, version = await rules_of_state(engine, nats, settings)
            if version and change_plan:
                raise fail(phrase("rebuild.install_the_plan").in_both)
            collect_rarely()
            in_force = plans.in_force(day or utc_now().astimezone(VIETNAM).date())
            tables = await rebuild_tables(engine, nats, in_force, switch=not verify, accept_loss=accept_loss)
            report = await rebuild_state(
                engine,
                nats,
                plans,
                day,
                switch=not verify,
                change_plan=change_plan,
                version=version,
                accept_loss=accept_loss,
            )
            if report.switched and version == 0:
                async with engine.begin() as connection:
                    await record_version(connection, 0, digest_of_files(settings), utc_now())
            alerts = await rebuild_alerts(engine, nats, plans, switch=not verify)
            return tables, report, alerts

    try:
        intake, compared, notify = run(work())
    except (OtherPlanError, OtherVersionError, UnusableVersionError) as error:
        raise fail(str(error)) from None
    except InvalidReferenceError as error:
        raise fail("\n".join(fault.text(language) for fault in error.faults for language in ("vi", "en"))) from None
    table = Table("", "đang dùng / live", "dựng lại / rebuilt", "khác / differ")
    for own in intake.tables:
        table.add_row(
            f"intake.{own.name}", *(f"{count:,}" for count in (own.live_rows, own.rebuilt_rows, own.differing))
        )
    for name, counts in compared.counts.items():
        table.add_row(f"scoring.{name}", *(f"{count:,}" for count in counts))
    for name, number in (("alert", notify.missing), ("notice", notify.notices), ("acknowledged", notify.acknowledged)):
        total = f"{notify.alerts:,}" if name == "alert" else ""
        table.add_row(f"notify.{name}", "", total, f"{number:,}")
    console.print(
        f"{compared.submissions:,} bản gửi / submissions, {compared.seconds:.1f} giây / seconds", highlight=False
    )
    console.print(table)
    if compared.verdicts:
        _print_verdicts(compared.verdicts)
    for difference in compared.differences[:20]:
        errors.print(difference, style="red", highlight=False, markup=False)
    for message in (*intake.unreadable, *compared.unreadable, *notify.unreadable):
        errors.print(filled(phrase("rebuild.unreadable"), message=message).in_both, style="yellow", highlight=False)
    if intake.lacking and not intake.switched:
        errors.print(
            filled(phrase("rebuild.intake_stays"), number=intake.lacking).in_both, style="red", highlight=False
        )
    _print_dropped(intake, compared)
    if intake.switched and not intake.is_same:
        console.print(phrase("rebuild.intake_in_place").in_both, highlight=False)
    if compared.switched:
        console.print("Đã thay bằng trạng thái dựng lại. / The rebuilt state is in place.")
    if compared.lacking and not compared.switched:
        errors.print(
            f"Luồng thiếu {compared.lacking} bản gửi đã chấm: giữ nguyên. "
            f"/ The stream lacks {compared.lacking} submissions that were scored: the live state stays.",
            style="red",
        )
    if notify.switched and not notify.is_same:
        _print_alerts(notify)
    if compared.differences or not (intake.is_same and notify.is_same):
        raise typer.Exit(1)
    console.print("Giống nhau hoàn toàn. / The same.", style="green")


def _print_verdicts(verdicts: Sequence[DifferingVerdicts]) -> None:
    """Say how many verdicts change, by criterion or commitment: this is what people see of it."""
    table = Table("kết quả đánh giá / verdicts", "đang dùng / live", "dựng lại / rebuilt", "số / number")
    for one in verdicts:
        live, rebuilt = (STATUSES[Status(status)].in_both for status in (one.live, one.rebuilt))
        table.add_row(one.topic, live, rebuilt, f"{one.number:,}")
    console.print(table)


def _print_dropped(intake: RebuiltTables, compared: RebuildReport) -> None:
    """Name the rows that were dropped since no stream has them, as `--accept-loss` allows."""
    dropped = [(f"intake.{own.name}", own.lacking, own.lacking_shown) for own in intake.tables if intake.switched]
    if compared.switched:
        dropped.append(("scoring", compared.lacking, ()))  # the differences name them
    for table, number, shown in dropped:
        if number:
            words = filled(phrase("rebuild.dropped"), table=table, number=number).in_both
            errors.print(" ".join((words, *shown)), style="red", highlight=False, markup=False, soft_wrap=True)


def _print_alerts(notify: RebuiltAlerts) -> None:
    words = filled(phrase("rebuild.alerts"), alerts=notify.missing, notices=notify.notices)
    console.print(words.in_both, highlight=False)
    if notify.untold:
        console.print(filled(phrase("rebuild.untold"), number=notify.untold).in_both, highlight=False)
    if not notify.has_log:
        errors.print(phrase("rebuild.no_log").in_both, style="yellow", highlight=False)
    errors.print(phrase("rebuild.beyond").in_both, style="yellow", highlight=False)
