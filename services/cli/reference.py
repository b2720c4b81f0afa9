"""`ntm reference`: check reference data, install them in the running system, and list and show what was installed."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, NamedTuple

import httpx
import typer
from rich.table import Table

from deploy.local.clients import broker, database, http, settings_of
from deploy.local.running_system import NotRunningError, RunningSystem
from services.cli.console import console, errors, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.running_reference import RunningReference, running_reference
from services.cli.texts import phrase
from services.scoring.judging.changes import Moment
from services.scoring.update.other_rules import MovedVerdict, moved_verdicts
from shared.contracts.bilingual import Language
from shared.nats.publishing import BrokerUnavailableError, SubjectMovedError
from shared.reference.archive import SAMPLE_COHORTS, Files, digest_of, read_files, unpack, write_files
from shared.reference.differences import differences, taken_away
from shared.reference.load import InvalidReferenceError, Plans, load_file, load_for
from shared.service import reference_versions
from shared.service.clock import read_day
from shared.service.proof import Proof
from shared.service.reference_versions import Installed, UnusableVersionError, all_versions, settings_for, version_at
from shared.settings import Settings
from shared.text import STATUSES, moment
from shared.texts import filled
from shared.time import VIETNAM, utc_now

app = typer.Typer(no_args_is_help=True, help="Dữ liệu tham chiếu. / The reference data that the system runs on.")

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="A directory like shared/reference.")
]
PlanName = Annotated[
    str | None,
    typer.Option("--plan", help="Only this plan of DIR/plans, or several between commas; by default all of them."),
]
Lang = Annotated[Literal["vi", "en"], typer.Option("--lang", help="Language of the output.")]

_PATIENCE_SECONDS = 60
_FAULTY = 2


@app.command("check")
def check(directory: Directory, plan: PlanName = None, lang: Lang = "vi", data: Data = DATA) -> None:
    """Check a directory whole, and print what it would change in the running system. Nothing is installed.

    Besides the rules that differ it prints how many verdicts would change, from which status to which.

    Exit status 2 where it is faulty: each fault is named by file, line and field.
    """
    try:
        system = RunningSystem.find(data)
    except NotRunningError:
        _checked(directory, plan, {}, lang)
        console.print(phrase("reference.sound").in_(lang))
        console.print(phrase("reference.not_compared").in_(lang))
        return

    async def work() -> None:
        async with broker(system) as nats, database(system) as engine:
            compared = _compared(directory, plan, await running_reference(system, nats), lang)
            _print_new(compared, lang)
            if not compared.is_same:
                today = await read_day(nats.jetstream()) if system.clock == "simulated" else None
                now = Moment(today or utc_now().astimezone(VIETNAM).date(), utc_now())
                _print_moved(await moved_verdicts(engine, compared.checked.plans, now), now.on, lang)

    try:
        run(work())
    except UnusableVersionError as error:
        raise fail(str(error)) from None


@app.command("install")
def install(
    directory: Directory,
    reason: Annotated[str, typer.Option(help="Why: the decision or the mistake behind it. Kept for ever.")],
    author: Annotated[str | None, typer.Option(help="Who installs it; by default the account's name.")] = None,
    plan: PlanName = None,
    lang: Lang = "vi",
    data: Data = DATA,
) -> None:
    """Install a directory in the running system, after the same checks. All services take it up without a restart.

    Exit status 1 where somebody else has installed a version meanwhile, or a service does not take it up; 2 where the
    directory is faulty: then nothing has changed.
    """
    system, by = system_of(data), author or getpass.getuser()
    if not reason.strip() or not by.strip():
        raise fail(phrase("reference.needs_a_reason").in_(lang), _FAULTY)

    async def work() -> None:
        async with broker(system) as nats:
            compared = _compared(directory, plan, await running_reference(system, nats), lang)
            _print_new(compared, lang)
            if compared.is_same:
                return
            number = await reference_versions.install(
                nats, compared.checked.plans, compared.checked.plan, compared.checked.files,
                author=by.strip(), reason=reason.strip(), after=compared.running.newest, at=utc_now(),
            )  # fmt: skip
        console.print(filled(phrase("reference.installed"), number=number).in_(lang))
        await _await_services(system, number, lang)

    try:
        run(work())
    except SubjectMovedError:
        raise fail(phrase("reference.somebody_else").in_(lang)) from None
    except (BrokerUnavailableError, UnusableVersionError) as error:
        raise fail(str(error)) from None


@app.command("list")
def list_versions(lang: Lang = "vi", data: Data = DATA) -> None:
    """Print the versions that were installed: number, time, author, reason, plan and digest."""
    system = system_of(data)

    async def work() -> Sequence[Installed]:
        async with broker(system) as nats, database(system) as engine:
            return await all_versions(nats, await Proof.of(engine, nats))

    installed = run(work())
    if not installed:
        console.print(phrase("reference.none_installed").in_(lang))
        if differing := run(_differing_files(system)):
            raise fail(filled(phrase("reference.other_files"), services=differing).in_(lang))
        return
    table = Table(*(title.in_(lang) for title in _COLUMNS))
    for number, version in ((each.number, each.version) for each in installed):
        at = moment(version.at)
        table.add_row(str(number), at, version.author, version.reason, version.plan or "", version.digest[:19])
    console.print(table, markup=False)


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(min=1, help="The version's number, as the list shows it.")],
    into: Annotated[Path | None, typer.Option("--into", help="Write its files into this directory.")] = None,
    lang: Lang = "vi",
    data: Data = DATA,
) -> None:
    """Print a version: who installed it, why, its digest, and what it changed. `--into` writes its files."""
    system = system_of(data)

    async def work() -> tuple[Installed, Installed | None]:
        async with broker(system) as nats, database(system) as engine:
            proof = await Proof.of(engine, nats)
            before = await version_at(nats, number - 1, proof) if number > 1 else None
            return await version_at(nats, number, proof), before

    try:
        installed, before = run(work())
        version, files = installed.version, unpack(installed.version.archive)
        head = (moment(version.at), version.author, version.reason, version.plan or "")
        console.print(f"{number} · {' · '.join(head)}\n{version.digest}", highlight=False, markup=False)
        settings = settings_of(system)
        old = reference_versions.loaded(before, settings) if before else load_for(settings)
        _print_differences(old, reference_versions.loaded(installed, settings), lang)
    except UnusableVersionError as error:
        raise fail(str(error)) from None
    if into:
        write_files(files, into)
        console.print(f"{into}: {', '.join(sorted(files))}", highlight=False, markup=False)


_COLUMNS = (
    phrase("reference.columns.number"),
    phrase("reference.columns.at"),
    phrase("reference.columns.author"),
    phrase("reference.columns.reason"),
    phrase("reference.columns.plan"),
    phrase("reference.columns.digest"),
)


class _Checked(NamedTuple):
    """A directory that was checked whole."""

    plan: str | None
    files: Files
    plans: Plans


@dataclass(frozen=True, slots=True)
class _Compared:
    """A checked directory beside what the system runs on."""

    running: RunningReference
    checked: _Checked

    @property
    def digest(self) -> str:
        return digest_of(self.checked.plan, self.checked.files)

    @property
    def is_same(self) -> bool:
        return self.digest == self.running.digest


def _compared(directory: Path, plan: str | None, running: RunningReference, lang: Language) -> _Compared:
    """Check a directory by itself and against what the system runs on; the program ends where it is faulty."""
    checked = _checked(directory, plan, running.sample, lang)
    if faults := taken_away(running.plans, checked.plans, directory):
        raise _faulty(InvalidReferenceError(faults), lang)
    return _Compared(running, checked)


def _checked(directory: Path, plan: str | None, sample: Files, lang: Language) -> _Checked:
    """Check every plan of a directory, and the asked one as services load it. A sample keeps its invented members."""
    try:
        files = {**sample, **read_files(directory)}
        for file in sorted((directory / "plans").glob("*.yaml")):
            load_file(file, directory)
        plans = load_for(settings_for(plan, directory, Settings.model_construct()))
        if SAMPLE_COHORTS in sample and not (directory / SAMPLE_COHORTS).is_file():
            with TemporaryDirectory() as folder:
                write_files(files, Path(folder))
                plans = load_for(settings_for(plan, Path(folder), Settings.model_construct()))
    except InvalidReferenceError as error:
        raise _faulty(error, lang) from None
    return _Checked(plan, files, plans)


def _faulty(error: InvalidReferenceError, lang: Language) -> typer.Exit:
    for fault in error.faults:
        errors.print(fault.text(lang), style="red", highlight=False, markup=False)
    return typer.Exit(_FAULTY)


def _print_new(compared: _Compared, lang: Language) -> None:
    if compared.is_same:
        console.print(phrase("reference.nothing_new").in_(lang))
        return
    console.print(f"{', '.join(compared.checked.plans.ids)} {compared.digest}", highlight=False, markup=False)
    _print_differences(compared.running.plans, compared.checked.plans, lang)


def _print_differences(old: Plans, new: Plans, lang: Language) -> None:
    found = differences(old, new)
    for difference in found:
        console.print(f"  {difference.words.in_(lang)}", highlight=False, markup=False)
    if not found:
        console.print(phrase("reference.no_other_rules").in_(lang))


def _print_moved(moved: Mapping[MovedVerdict, int], on: date, lang: Language) -> None:
    """Print how many verdicts would change, by criterion and commitment; the most frequent first in each."""
    if not moved:
        console.print(filled(phrase("reference.no_verdict_moves"), day=on).in_(lang))
        return
    console.print(filled(phrase("reference.verdicts_move"), day=on, count=sum(moved.values())).in_(lang))
    for verdict, count in sorted(moved.items(), key=lambda item: (item[0].topic, -item[1])):
        words = filled(
            phrase("reference.verdict_moves"),
            name=verdict.topic,
            count=count,
            before=STATUSES[verdict.before],
            after=STATUSES[verdict.after],
        )
        console.print(f"  {words.in_(lang)}", highlight=False, markup=False)


async def _await_services(system: RunningSystem, number: int, lang: Language) -> None:
    """Wait until each service says that it runs on the version; the program ends where one refuses it or takes long."""
    waiting = _urls(system)
    until = time.monotonic() + _PATIENCE_SECONDS
    async with http() as client:
        while waiting and time.monotonic() < until:
            for name, url in list(waiting.items()):
                facts = await _facts(client, url)
                if (facts.get("reference_refused") or 0) >= number:
                    raise fail(filled(phrase("reference.refused"), service=name).in_(lang))
                if facts.get("reference", 0) >= number:
                    console.print(filled(phrase("reference.taken_up"), service=name).in_(lang))
                    del waiting[name]
            await asyncio.sleep(0.3)
    if waiting:
        raise fail(filled(phrase("reference.not_taken_up"), services=", ".join(waiting)).in_(lang))


def _urls(system: RunningSystem) -> dict[str, str]:
    return {"intake": system.intake_url, "scoring": system.scoring_url, "notify": system.notify_url}


async def _facts(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    """Return what a service states in `/healthz`; nothing while it is away."""
    try:
        facts: Mapping[str, Any] = (await client.get(f"{url}/healthz", timeout=5)).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return facts


async def _differing_files(system: RunningSystem) -> str:
    """Name the services with the digests of the files that they were started with, where these differ.

    Scoring may also run on other files than those by which its state was judged.
    """
    async with http() as client:
        facts = {name: await _facts(client, url) for name, url in _urls(system).items()}
    digests = {name: of["reference_files"] for name, of in facts.items() if "reference_files" in of}
    if len(set(digests.values())) < 2 and not facts["scoring"].get("reference_files_differ"):
        return ""
    return ", ".join(f"{name} {digest[:19]}" for name, digest in digests.items())
