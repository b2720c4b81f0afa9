"""`ntm backup`: back the running system up, once or every day, and check backups."""

from __future__ import annotations

import asyncio
import os
import time as wall
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from sqlalchemy.exc import SQLAlchemyError

from deploy.local.clients import settings_of
from deploy.local.running_system import RunningSystem
from services.cli.console import console, errors, fail, run, words_of
from services.cli.migrate import SCHEMAS
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from services.intake.storage.evidence import file_names
from shared import text
from shared.backup.archive import is_whole, new_identity, recipient_of, verified
from shared.backup.backup import Source, back_up
from shared.backup.errors import BackupError
from shared.backup.manifest import Manifest
from shared.backup.retention import Retention, due_after, is_too_old, made_at, name_at, newest, superfluous
from shared.contracts.bilingual import Bilingual
from shared.nats.connection import connected
from shared.nats.roles import BACKUP
from shared.nats.unreachable import BrokerUnusableError
from shared.object_store import ObjectStore
from shared.operations.catalogue import Code
from shared.operations.reporter import Operations
from shared.postgres.engine import create_engine
from shared.service.runtime import background
from shared.settings import Settings, settings
from shared.texts import filled
from shared.time import utc_now

_FAILURES = (
    BackupError,
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    NatsError,
    JetStreamError,
    OSError,  # of the disk, and of connections that were cut
)
_PATIENCE_SECONDS = 30
_RETRY_MINUTES = 10
_LOOK_SECONDS = 60
_WATCH_SECONDS = 10
_ABANDONED_SECONDS = 24 * 3600

LONGEST_HOURS = 26.0
"""The age of the newest backup from which operators hear of it: a day and the time to make one. Ours."""

KEPT = ",".join(map(str, Retention()))
"""The days, weeks and months of which a backup is kept where nobody says otherwise."""


def backup(
    target: Annotated[
        Path | None,
        typer.Argument(metavar="DIR|FILE", help="The new file, or the directory where it gets a name by its time."),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check that FILE is whole; restore nothing.")] = False,
    encrypt_to: Annotated[
        list[str],
        typer.Option(metavar="age1…", envvar="NTM_BACKUP_RECIPIENT", help="A public key; may be repeated."),
    ] = [],  # noqa: B006
    identity: Annotated[
        Path | None, typer.Option(envvar="NTM_BACKUP_IDENTITY", help="With --verify: the file that opens the backup.")
    ] = None,
    new_identity_file: Annotated[
        Path | None,
        typer.Option("--new-identity", metavar="FILE", help="Only make an identity, and print its public key."),
    ] = None,
    daily_at: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Run on, and back up every day at this time in Vietnam.")
    ] = None,
    keep: Annotated[
        str, typer.Option(help="With --daily-at: of how many days, weeks and months a backup is kept.")
    ] = KEPT,
    longest_hours: Annotated[
        float,
        typer.Option(
            "--longest-hours",
            envvar="NTM_BACKUP_LONGEST_HOURS",
            min=0,
            help="With --daily-at: operators hear of it when the newest backup is older.",
        ),
    ] = LONGEST_HOURS,
    data: Data = DATA,
) -> None:
    """Back the running system up into a file, once or every day, or check a backup.

    The file has the database, then the streams, and a manifest. Other work goes on meanwhile.
    """
    if new_identity_file is not None:
        _make_identity(new_identity_file)
        return
    if target is None:
        raise fail(phrase("backup.name_a_place").in_both, 2)
    if verify:
        with words_of_errors():
            manifest = verified(target, identity)
        _say(phrase("backup.whole"), manifest, target)
        return
    with words_of_errors():
        for recipient in encrypt_to:
            recipient_of(recipient)
    if daily_at is None:
        with words_of_errors():
            _print_made(run(_back_up(data, target, encrypt_to)), encrypt_to)
        return
    if not target.is_dir():
        raise fail(filled(phrase("backup.needs_directory"), file=target).in_both, 2)
    daily = Daily(data, target, encrypt_to, time_of(daily_at), retention(keep), timedelta(hours=longest_hours))
    run(daily.run())


def backed_up_settings(system: RunningSystem) -> Settings:
    """Return the settings by which a running system is backed up."""
    if "NTM_DATABASE_URL" in os.environ and system.pid is None:
        return settings()
    return settings_of(system, BACKUP.name)


async def _back_up(data: Path, target: Path, recipients: list[str]) -> tuple[Path, Manifest]:
    system = system_of(data)
    chosen = backed_up_settings(system)
    file, described = _place(target), _kind(data) if system.pid is not None else None
    engine = create_engine(chosen, "backup")
    try:
        async with connected(chosen, "ntm-backup", _PATIENCE_SECONDS) as nats:

            async def names() -> Mapping[str, str]:
                async with engine.connect() as connection:
                    return await file_names(connection)

            store = ObjectStore.at(chosen.evidence_store) if chosen.evidence_store else None
            source = Source(engine, nats, list(SCHEMAS), system.clock, described, store, names)
            return file, await back_up(source, file, recipients)
    finally:
        await engine.dispose()


def _place(target: Path) -> Path:
    return target / name_at(utc_now()) if target.is_dir() else target


def _kind(data: Path) -> str | None:
    """Return what a local system says of its kind."""
    file = data / "kind.json"
    return file.read_text() if file.exists() else None


@dataclass
class Daily:
    """Backups every day, also for a time that was missed; what fails is tried again, and operators hear of it."""

    data: Path
    directory: Path
    recipients: list[str]
    at: time
    kept: Retention
    longest: timedelta
    _failure: Bilingual | None = None
    _began: datetime = field(default_factory=utc_now)

    async def run(self) -> None:
        """Back up until cancelled."""
        chosen = backed_up_settings(system_of(self.data))
        if lack := chosen.lack_of_mail_server:
            raise fail(lack.in_both)
        operations = Operations(BACKUP.name, chosen)
        watch = operations.watch([Code.BACKUP], self.troubles, every_seconds=_WATCH_SECONDS, failures=1)
        async with background(operations.run(), watch, _attach(operations, chosen)):
            while True:
                now = utc_now()
                wait = (due_after(newest(_names(self.directory), now), now, self.at) - now).total_seconds()
                await asyncio.sleep(min(wait, _LOOK_SECONDS) if wait > 0 else await self._back_up(operations))

    async def _back_up(self, operations: Operations) -> float:
        """Back up, and report it; return the seconds after which to look again."""
        try:
            made = await _back_up(self.data, self.directory, self.recipients)
        except (*_FAILURES, BrokerUnusableError, typer.Exit) as error:
            self._failure = filled(phrase("backup.failed"), reason=reason_of(error), minutes=_RETRY_MINUTES)
            errors.print(self._failure.in_both, style="red", highlight=False, markup=False)
            return 60 * _RETRY_MINUTES
        self._failure = None
        operations.again(Code.BACKUP)
        _print_made(made, self.recipients)
        await asyncio.to_thread(prune, self.directory, self.kept)
        return 0

    async def troubles(self) -> Mapping[Code, Bilingual | None]:
        """Return the trouble that operators hear of: the last backup failed, or the newest is too old."""
        now = utc_now()
        last = newest(_names(self.directory), now)
        if is_too_old(last, self._began, now, self.longest):
            return {Code.BACKUP: too_old(self.directory, last, self.longest)}
        return {Code.BACKUP: self._failure} if self._failure else {}


def too_old(directory: Path, last: datetime | None, longest: timedelta) -> Bilingual:
    """Say that the newest backup in a directory, None where there is none, is older than it may be."""
    at, hours = text.moment(last) if last else "–", f"{longest / timedelta(hours=1):g}"
    return filled(phrase("backup.too_old"), directory=directory, at=at, hours=hours)


async def _attach(operations: Operations, chosen: Settings) -> None:
    """Give the reports a connection as soon as the broker takes one."""
    while True:
        try:
            async with connected(chosen, "ntm-backup", _PATIENCE_SECONDS) as nats:
                operations.attach(nats)
                await asyncio.Event().wait()
        except (BrokerUnusableError, NatsError, OSError):
            await asyncio.sleep(_LOOK_SECONDS)


def prune(directory: Path, kept: Retention) -> None:
    """Remove backups that are kept no longer, and drafts that a killed program left a day ago.

    A damaged file keeps no place of a whole one, and is only named.
    """
    whole: list[str] = []
    damaged: list[str] = []
    for name in _names(directory):
        if made_at(name):
            (whole if is_whole(directory / name) else damaged).append(name)
    for name in damaged:
        words = filled(phrase("backup.damaged_stays"), file=directory / name)
        errors.print(words.in_both, style="red", highlight=False, soft_wrap=True)
    for name in superfluous(whole, kept, utc_now()):
        (directory / name).unlink(missing_ok=True)
        console.print(filled(phrase("backup.removed"), file=directory / name).in_both, highlight=False)
    for draft in directory.glob(".ntm-*.backup.unfinished"):
        if wall.time() - draft.stat().st_mtime > _ABANDONED_SECONDS:
            draft.unlink(missing_ok=True)


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def _make_identity(file: Path) -> None:
    try:
        public = new_identity(file)
    except FileExistsError:
        raise fail(filled(phrase("backup.exists"), file=file).in_both) from None
    except OSError as error:
        raise fail(f"{file}: {error.strerror}") from None
    console.print(filled(phrase("backup.new_identity"), file=file).in_both, highlight=False)
    console.print(public, highlight=False, soft_wrap=True)


def time_of(value: str) -> time:
    """Return the time that `02:00` says; end the program where it says none."""
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - a time of every day
    except ValueError:
        raise fail(filled(phrase("backup.bad_time"), value=value).in_both, 2) from None


def retention(value: str) -> Retention:
    """Return how many days, weeks and months `7,4,12` says; end the program where it says something else."""
    try:
        days, weeks, months = map(int, value.split(","))
    except ValueError:
        days = weeks = months = -1
    if min(days, weeks, months) < 0:
        raise fail(filled(phrase("backup.bad_keep"), value=value).in_both, 2)
    return Retention(days, weeks, months)


@contextmanager
def words_of_errors() -> Iterator[None]:
    """End the program with the words of what makes a backup fail."""
    try:
        yield
    except FileExistsError as error:
        raise fail(filled(phrase("backup.exists"), file=error.filename).in_both) from None
    except _FAILURES as error:
        raise fail(reason_of(error)) from None


def reason_of(error: BaseException) -> str:
    """Return why something failed: of an operating system's error with the file, of others the words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'backup'}: {error.strerror}"
    words = None if isinstance(error, BackupError) or not isinstance(error, Exception) else words_of(error)
    return words.in_both if words else str(error) or type(error).__name__


def _print_made(made: tuple[Path, Manifest], recipients: list[str]) -> None:
    file, manifest = made
    _say(phrase("backup.made"), manifest, file)
    console.print(phrase("backup.not_contained").in_both, style="dim", highlight=False)
    if not recipients:
        errors.print(phrase("backup.not_encrypted").in_both, style="yellow", highlight=False)


def _say(template: Bilingual, manifest: Manifest, file: Path) -> None:
    words = filled(
        template,
        file=file,
        size=f"{file.stat().st_size / 1e6:.1f}",
        rows=f"{sum(table.rows for table in manifest.tables):,}",
        messages=f"{sum(stream.state['messages'] for stream in manifest.streams):,}",
        at=moment(manifest),
        program=manifest.program,
        files=f"{len(manifest.evidence):,}",
    )
    console.print(words.in_both, highlight=False, soft_wrap=True)
    say_lacking(manifest)


def say_lacking(manifest: Manifest) -> None:
    """Name the files of evidence that a backup lacks."""
    for name in manifest.evidence_lacking:
        words = filled(phrase("backup.evidence_lacking"), file=name)
        errors.print(words.in_both, style="red", highlight=False, markup=False, soft_wrap=True)


def moment(manifest: Manifest) -> str:
    """Return the moment of a backup, as people in Vietnam write it."""
    return text.moment(manifest.made_at)
