"""`ntm up`: the whole system on this machine, with the sample year, empty from a chosen day on, or for real use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Group
from rich.panel import Panel

from deploy.local.clients import broker, http
from deploy.local.running_system import RunningSystem, write_private
from deploy.local.sample import (
    CONTACTS,
    FIRST_DAY,
    LAST_DAY,
    LATEST_DAY,
    SAMPLE_COHORTS,
    SEED,
    references,
    write_reference,
)
from deploy.local.sample.play import PlayBrokenOffError, play
from deploy.local.sample.progress import progress_bar
from deploy.local.sample.summary import print_summary, summary
from deploy.local.supervisor import CannotStartError
from deploy.local.system import Options, Ports, is_held_back
from deploy.local.system import run as run_system
from services.cli.backup import KEPT, retention, time_of
from services.cli.console import console, errors, fail
from services.cli.migrate import SCHEMAS
from services.cli.options import DATA, Data, size_in_bytes
from services.cli.own_access import OWN_NAME, own_key, own_password
from services.cli.texts import phrase
from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.service.clock import read_day
from shared.text import day_named
from shared.texts import filled


class Kind(BaseModel):
    """The kind of data in a data directory, chosen at the first start."""

    sample: bool
    begins: date | None
    """The first day of the simulated clock; None: the real clock."""
    seed: int = SEED
    until: date = LAST_DAY
    """The last day of the sample. After its own last day it is judged by the sample's plan of 2024 as well."""
    played: bool = False

    @property
    def runs_on(self) -> bool:
        """True where the sample runs on into 2024."""
        return self.sample and self.until > LAST_DAY


def up(
    sample: Annotated[bool, typer.Option("--sample", help="Play the sample year 2023 (invented figures).")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Start without figures.")] = False,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --empty: the first day of a simulated clock.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="The time that the sample year takes.")] = 120,
    instant: Annotated[bool, typer.Option("--instant", help="Play the sample year as fast as possible.")] = False,
    seed: Annotated[int, typer.Option(help="The seed of the sample year's figures.")] = SEED,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=f"With --sample: run on to this day of 2024, at most {LATEST_DAY}, by a sample plan.",
        ),
    ] = None,
    contacts: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="YAML of contacts; invented ones by default.")
    ] = None,
    ports_from: Annotated[
        int | None, typer.Option("--ports-from", min=1024, max=65_531, help="Use four ports in a row from this one on.")
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Start without the data that the directory has lost.")
    ] = False,
    backup_to: Annotated[
        Path | None,
        typer.Option(envvar="NTM_BACKUP_DIR", exists=True, file_okay=False, help="Back up into it every day."),
    ] = None,
    backup_daily_at: Annotated[
        str, typer.Option(envvar="NTM_BACKUP_DAILY_AT", metavar="HH:MM", help="The time of the backup in Vietnam.")
    ] = "02:00",
    backup_keep: Annotated[
        str, typer.Option(envvar="NTM_BACKUP_KEEP", help="Of how many days, weeks and months a backup is kept.")
    ] = KEPT,
    nats_store_bytes: Annotated[
        str | None,
        typer.Option(
            "--nats-store-bytes",
            envvar="NTM_NATS_STORE_BYTES",
            metavar="SIZE",
            help="The limit of NATS' store, such as 20GB; by default 40 %, at most 80 % of the free disk.",
        ),
    ] = None,
    data: Data = DATA,
) -> None:
    """Start the whole system and keep it running until Ctrl-C. A second start finds the data of the first again."""
    if sample and (empty or today):
        raise fail(phrase("up.sample_or_empty").in_both, 2)
    last = _last_day(sample, until)
    begins = FIRST_DAY if sample else today.date() if today else None
    kind = _kind(data, Kind(sample=sample, begins=begins, seed=seed, until=last or LAST_DAY))
    if last and last != kind.until:
        raise fail(filled(phrase("up.other_until"), data=data, until=day_named(kind.until)).in_both, 2)
    options = Options(
        data=data,
        ports=Ports.starting_at(ports_from) if ports_from else Ports(),
        today=kind.begins,
        contacts=contacts or CONTACTS,
        sample_cohorts=SAMPLE_COHORTS if kind.sample else None,
        reference_dir=reference_of_sample(data) if kind.runs_on else None,
        schemas=SCHEMAS,
        streams=(*subjects.KEPT, *subjects.KEPT_A_YEAR),
        accept_loss=accept_loss,
        nats_store_bytes=size_in_bytes(nats_store_bytes),
        backup=_backup(backup_to, backup_daily_at, backup_keep),
    )

    async def on_ready(system: RunningSystem) -> None:
        if today:
            await _check_day(system, today.date())
        if not (data / "kind.json").exists():
            _remember(data, kind)
        key = await own_key(system, data)
        _greet(system, key, await own_password(system, data), data, kind)
        if await _held_back(system):
            errors.print(phrase("up.held_back").in_both, style="red", highlight=False)
            return
        if kind.sample and not kind.played:
            try:
                await _play(system, key, kind, None if instant else seconds)
            except PlayBrokenOffError as error:
                errors.print(filled(phrase("up.broke_off"), reason=error).in_both, style="red", highlight=False)
            else:
                _remember(data, kind.model_copy(update={"played": True}))

    console.print(filled(phrase("up.starting"), data=data).in_both, style="dim", highlight=False)
    try:
        asyncio.run(run_system(options, on_ready))
    except CannotStartError as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(f"{error.filename or data}: {error.strerror or error}") from None
    console.print(phrase("up.stopped").in_both, style="dim")


def _backup(directory: Path | None, daily_at: str, keep: str) -> Sequence[str]:
    """Return the arguments of `ntm backup` by which the system is backed up every day."""
    if directory is None:
        return ()
    time_of(daily_at)
    retention(keep)
    return str(directory.resolve()), "--daily-at", daily_at, "--keep", keep


def _last_day(sample: bool, until: datetime | None) -> date | None:
    """Return the day to which the sample is to run on; None where nothing is said about it."""
    if until is None:
        return None
    if not sample:
        raise fail(phrase("up.until_without_sample").in_both, 2)
    if not LAST_DAY < until.date() <= LATEST_DAY:
        first, last = day_named(LAST_DAY + timedelta(days=1)), day_named(LATEST_DAY)
        raise fail(filled(phrase("up.until_outside"), until=until.date(), first=first, last=last).in_both, 2)
    return until.date()


def reference_of_sample(data: Path) -> Path:
    """Return the reference data of a sample that runs on, which lie in the data directory."""
    try:
        return write_reference((data / "reference").resolve())
    except OSError as error:
        raise _unusable(data / "reference", error) from None


def _kind(data: Path, new: Kind) -> Kind:
    """Return the kind that the directory holds already, or the kind `new` for a new directory.

    A directory holds a kind once a start has succeeded: a first start that failed binds it to nothing.
    """
    try:
        held = Kind.model_validate_json((data / "kind.json").read_bytes())
    except FileNotFoundError:
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(data, error) from None
        return new
    except OSError as error:
        raise _unusable(data, error) from None
    except ValidationError as error:
        words = filled(phrase("up.kind_unreadable"), file=data / "kind.json", reason=f"{error.error_count()} errors")
        raise fail(words.in_both) from None
    if new.sample and not held.sample:
        raise fail(filled(phrase("up.not_the_sample"), data=data).in_both, 2)
    if new.begins and not new.sample and held.begins is None:
        raise fail(filled(phrase("up.real_clock"), data=data).in_both, 2)
    return held


def _unusable(directory: Path, error: OSError) -> typer.Exit:
    return fail(filled(phrase("up.directory_unusable"), data=directory, reason=error.strerror or error).in_both)


async def _check_day(system: RunningSystem, today: date) -> None:
    """Raise CannotStartError where the clock of the directory stands at another day than the one that is asked for."""
    async with broker(system) as nats:
        stands = await read_day(nats.jetstream())
    if stands is not None and stands != today:
        words = filled(phrase("up.other_day"), day=day_named(stands), today=day_named(today))
        raise CannotStartError(words.in_both)


def _remember(data: Path, kind: Kind) -> None:
    write_private(data / "kind.json", kind.model_dump_json())


async def _held_back(system: RunningSystem) -> bool:
    """Say whether a service does nothing until its tables are made again."""
    async with http(None) as client:
        urls = (system.intake_url, system.scoring_url, system.notify_url)
        return any([await is_held_back(client, url) for url in urls])


def _greet(system: RunningSystem, key: str, password: str | None, data: Path, kind: Kind) -> None:
    option = "" if data == DATA else f" --data {data}"
    sign_in = filled(
        phrase("up.sign_in_first") if password else phrase("up.sign_in_chosen"),
        name=OWN_NAME,
        password=password,
        option=option,
    )
    pages = {
        system.intake_url: phrase("up.page_figures"),
        system.scoring_url: phrase("up.page_board"),
        system.notify_url: phrase("up.page_alerts"),
        system.postbox_url: phrase("up.page_messages"),
    }
    documents = [f"{url}/docs" for url in (system.intake_url, system.scoring_url, system.notify_url)]
    lines = [
        _heading(phrase("up.pages")),
        *(f"  {url}   {words.in_both}" for url, words in pages.items()),
        "",
        _heading(phrase("up.sign_in")),
        f"  {sign_in.vi}",
        f"  {sign_in.en}",
        "",
        *(_sample_plans(kind) if kind.sample else ()),
        _heading(phrase("up.next")),
        f"  .venv/bin/ntm status --district 'Văn Quan'{option}",
        f"  .venv/bin/ntm watch{option}",
        f"  .venv/bin/ntm outbox{option}",
        "",
        _heading(phrase("up.programs")),
        *(f"  {url}" for url in documents),
        f"  NATS {system.nats_url}",
        f"  {phrase('up.key').in_both}: {key}",
        "",
        f"[dim]{phrase('up.stops').in_both}[/]",
    ]
    console.print(Panel(Group(*lines), title="NTM Coordination", expand=False), soft_wrap=True)


def _heading(words: Bilingual) -> str:
    return f"[bold]{words.in_both}[/]"


def _sample_plans(kind: Kind) -> Iterator[str]:
    """Yield a line for each plan of the sample, which says what of it is sample data."""
    of_year, *of_next = references(kind.until)
    yield f"[bold]{of_year.plan.id}[/]   {phrase('up.invented').in_both}"
    yield from (f"[bold]{reference.plan.id}[/]   {phrase('up.wholly_invented').in_both}" for reference in of_next)
    yield ""


async def _play(system: RunningSystem, key: str, kind: Kind, seconds: float | None) -> None:
    with progress_bar(console) as show:
        await play(system, seed=kind.seed, seconds=seconds, until=kind.until, on_progress=show)
    async with http(key) as client:
        print_summary(console, await summary(client, system.scoring_url, system.notify_url, key, kind.until))
