"""`ntm backup`: back the running system up, once or every day, and check backups."""

from __future__ import annotations

import asyncio
import os
import time as wall
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from sqlalchemy.exc import SQLAlchemyError

from deploy.local.clients import settings_of
from deploy.local.running_system import RunningSystem
from services.cli.console import console, errors, fail, run
from services.cli.migrate import SCHEMAS
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from shared.backup.archive import new_identity, recipient_of, verified
from shared.backup.backup import Source, back_up
from shared.backup.errors import BackupError
from shared.backup.manifest import Manifest
from shared.backup.retention import Retention, due_after, name_at, newest, superfluous
from shared.contracts.bilingual import Bilingual
from shared.nats.connection import connected
from shared.nats.roles import BACKUP
from shared.nats.unreachable import BrokerUnusableError
from shared.postgres.engine import create_engine
from shared.settings import Settings, settings
from shared.texts import filled
from shared.time import VIETNAM, utc_now

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
_ABANDONED_SECONDS = 24 * 3600

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
    run(_back_up_daily(data, target, encrypt_to, time_of(daily_at), retention(keep)))


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
            source = Source(engine, nats, list(SCHEMAS), system.clock, described)
            return file, await back_up(source, file, recipients)
    finally:
        await engine.dispose()


def _place(target: Path) -> Path:
    return target / name_at(utc_now()) if target.is_dir() else target


def _kind(data: Path) -> str | None:
    """Return what a local system says of its kind."""
    file = data / "kind.json"
    return file.read_text() if file.exists() else None


async def _back_up_daily(data: Path, directory: Path, recipients: list[str], at: time, kept: Retention) -> None:
    """Back up every day, also for a time that was missed; what fails is tried again after a while."""
    while True:
        now = utc_now()
        wait = (due_after(newest(_names(directory)), now, at) - now).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, _LOOK_SECONDS))
            continue
        try:
            made = await _back_up(data, directory, recipients)
        except (*_FAILURES, BrokerUnusableError, typer.Exit) as error:
            words = filled(phrase("backup.failed"), reason=reason_of(error), minutes=_RETRY_MINUTES)
            errors.print(words.in_both, style="red", highlight=False, markup=False)
            await asyncio.sleep(60 * _RETRY_MINUTES)
        else:
            _print_made(made, recipients)
            prune(directory, kept)


def prune(directory: Path, kept: Retention) -> None:
    """Remove backups that are kept no longer, and drafts that a killed program left a day ago."""
    for name in superfluous(_names(directory), kept):
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
    return str(error) or type(error).__name__


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
    )
    console.print(words.in_both, highlight=False, soft_wrap=True)


def moment(manifest: Manifest) -> str:
    """Return the moment of a backup, as people in Vietnam write it."""
    return f"{manifest.made_at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
